namespace Cloister.Enclave.Tees.Sgx;

/// <summary>The kernel's, or in SGX Gramine's, page protection. secrets: none.</summary>
internal sealed class PageProtection : IPageProtection
{
    internal static readonly PageProtection Real = new();

    private PageProtection()
    {
    }

    public bool Forbid(nint page, nuint size) => ProbeCalls.Protect(page, size, ProbeCalls.ProtectNone) == 0;
}
