namespace Cloister.Enclave.Tees.Sgx;

/// <summary>Changes what may be done with a page. secrets: none.</summary>
internal interface IPageProtection
{
    /// <summary>mprotect(2) to no access.</summary>
    /// <returns>Whether it says that it did.</returns>
    bool Forbid(nint page, nuint size);
}
