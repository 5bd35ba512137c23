/** An x86-64 kernel of so many pages in one segment of zeros. */
export function syntheticKernel(pages: number): Buffer;
