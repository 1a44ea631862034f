using Cloister.Enclave.Tees.Sgx;

namespace Cloister.Tee.Tests.Support;

/// <summary>Page protection as Gramine has it in SGX without EDMM: says that it did, and did nothing.</summary>
internal sealed class NoProtection(bool says = true) : IPageProtection
{
    public bool Forbid(nint page, nuint size) => says;
}
