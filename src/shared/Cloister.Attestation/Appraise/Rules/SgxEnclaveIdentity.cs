using Cloister.Attestation.Claims;

namespace Cloister.Attestation.Appraise.Rules;

/// <summary>An acceptable enclave: by measurement, or by signer, product and minimum security version. What is null is not asked for.</summary>
/// <param name="MrEnclave">32 bytes, or null.</param>
/// <param name="MrSigner">32 bytes, or null; then product and minimum security version are given.</param>
/// <param name="IsvProdId">Product of the signer.</param>
/// <param name="MinimumIsvSvn">Lowest acceptable security version.</param>
public sealed record SgxEnclaveIdentity(ReadOnlyMemory<byte>? MrEnclave, ReadOnlyMemory<byte>? MrSigner, ushort? IsvProdId, ushort? MinimumIsvSvn)
{
    /// <summary>Whether it says enough: a measurement, or signer with product and minimum security version.</summary>
    public bool IsComplete => MrSigner is null ? MrEnclave is not null : MrEnclave is not null || (IsvProdId is not null && MinimumIsvSvn is not null);

    internal bool Matches(SgxClaims claims) =>
        IsComplete
        && (MrEnclave is not { } enclave || enclave.Span.SequenceEqual(claims.Report.MrEnclave.Span))
        && (MrSigner is not { } signer || signer.Span.SequenceEqual(claims.Report.MrSigner.Span))
        && (IsvProdId is not { } product || product == claims.Report.IsvProdId)
        && (MinimumIsvSvn is not { } minimum || claims.Report.IsvSvn >= minimum);
}
