/** What run-pre matching needs to know of an update description; the description has more. */
export interface UpdateInput {
  readonly changes: readonly ChangeInput[];
}

export interface ChangeInput {
  readonly target: string;
  readonly oldCode: CodeInput;
  readonly newCode: CodeInput;
  readonly patches: readonly PatchInput[];
}

export interface CodeInput {
  readonly sections: readonly {
    readonly label: string;
    readonly size: number;
    readonly align: number;
    readonly kind: string;
  }[];
  readonly symbols: readonly {
    readonly label: string;
    readonly name: string;
    readonly section: string | null;
    readonly offset: number;
    readonly bind?: string | undefined;
    readonly type?: string | undefined;
    /** Of an absolute symbol. */
    readonly value?: string | undefined;
  }[];
  readonly relocations: readonly {
    readonly section: string;
    readonly offset: number;
    readonly howto: string;
    readonly symbol: string;
    readonly insnAddend: string;
    readonly targetAddend: string;
  }[];
}

export interface PatchInput {
  readonly type: "text" | "data" | "export" | "bug";
  readonly oldLabel: string;
  readonly oldOffset: number;
  readonly replacement: string | null;
  readonly replacementOffset?: number | undefined;
  readonly size: number;
}
