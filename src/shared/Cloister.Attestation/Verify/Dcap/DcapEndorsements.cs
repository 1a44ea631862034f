using Cloister.Attestation.Abi.Dcap;
using Cloister.Attestation.Certificates;

namespace Cloister.Attestation.Verify.Dcap;

/// <summary>Collateral, read but not necessarily verified.</summary>
internal sealed class DcapEndorsements
{
    public required TcbInfo TcbInfo { get; init; }

    public required EnclaveIdentity QeIdentity { get; init; }

    public required IReadOnlyList<Certificate> TcbSigningChain { get; init; }

    public required RevocationList PckCrl { get; init; }

    public required IReadOnlyList<Certificate> PckCrlIssuerChain { get; init; }

    public required RevocationList RootCaCrl { get; init; }

    public required IReadOnlyList<Certificate> PckChain { get; init; }
}
