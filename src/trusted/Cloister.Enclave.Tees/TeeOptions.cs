using Cloister.Enclave.Configuration;
using Cloister.Enclave.Hosting;
using Cloister.Enclave.Tees.Sgx;

namespace Cloister.Enclave.Tees;

/// <summary>Section <c>tee</c> of the configuration. Read before the TEE's sealer is used. secrets: none.</summary>
public sealed class TeeOptions
{
    private const string Enclave = "enclave";
    private const string Signer = "signer";

    private readonly bool _isSgx;

    /// <summary>Options of a TEE.</summary>
    /// <param name="isSgx">Whether it is SGX, which alone has a choice.</param>
    internal TeeOptions(bool isSgx)
    {
        _isSgx = isSgx;
    }

    /// <summary>SGX: whom sealed state is for.</summary>
    public SealTo SealTo { get; private set; } = SealTo.Enclave;

    /// <summary>Reads the section; for <see cref="EnclaveParts.ReadMore"/>.</summary>
    public void Read(ConfigurationMapping root)
    {
        if (!root.Has("tee"))
        {
            return;
        }

        ConfigurationMapping section = root.Mapping("tee");
        if (section.Has("sealTo") && !_isSgx)
        {
            section.Fail("sealTo", "only SGX has a choice: leave it out");
        }

        SealTo = section.OneOf("sealTo", Enclave, false, Enclave, Signer) == Signer ? SealTo.Signer : SealTo.Enclave;
        section.RefuseUnknown();
    }
}
