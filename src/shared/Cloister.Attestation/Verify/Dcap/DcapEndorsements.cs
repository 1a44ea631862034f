using Cloister.Attestation.Abi.Dcap;
using Cloister.Attestation.Certificates;

namespace Cloister.Attestation.Verify.Dcap;

/// <summary>Collateral, read but not necessarily verified.</summary>
internal sealed class DcapEndorsements
{
    public required TcbInfo TcbInfo { get; init; }

    public required EnclaveIdentity QeIdentity { get; init; }

    public required IReadOnlyList<Certificate> TcbSigningChain { get; init; }

    /// <summary>The same list as <see cref="TcbSigningChain"/> when one certificate signed both.</summary>
    public required IReadOnlyList<Certificate> QeIdentityChain { get; init; }

    public required RevocationList PckCrl { get; init; }

    public required IReadOnlyList<Certificate> PckCrlIssuerChain { get; init; }

    public required RevocationList RootCaCrl { get; init; }

    public required IReadOnlyList<Certificate> PckChain { get; init; }

    /// <summary>Every certificate that the collateral itself rests on.</summary>
    public IEnumerable<Certificate> Certificates => TcbSigningChain.Concat(ReferenceEquals(QeIdentityChain, TcbSigningChain) ? [] : QeIdentityChain).Concat(PckCrlIssuerChain);
}
