using Cloister.Attestation.Abi;
using Cloister.Attestation.Abi.Dcap;
using Cloister.Attestation.Certificates;
using Cloister.Attestation.Verify.Dcap;

namespace Cloister.Attestation.Collateral;

/// <summary>Which collateral a platform needs. Read from unverified evidence: good for asking, not for believing.</summary>
/// <param name="Tee">SGX or TDX.</param>
/// <param name="Fmspc">12 upper-case hex digits.</param>
/// <param name="IssuedByPlatformCa">Whether the Platform CA issued the PCK certificate, else the Processor CA.</param>
public sealed record DcapCollateralKey(Tee Tee, string Fmspc, bool IssuedByPlatformCa)
{
    /// <summary>The name of the authority in the PCS API: <c>platform</c> or <c>processor</c>.</summary>
    public string AuthorityName => IssuedByPlatformCa ? "platform" : "processor";

    /// <summary>The key for a quote that carries its PCK chain.</summary>
    /// <exception cref="EvidenceFormatException">The quote is malformed, or carries no chain.</exception>
    public static DcapCollateralKey FromQuote(ReadOnlyMemory<byte> quote)
    {
        DcapQuote parsed = DcapQuote.Parse(quote);
        QuoteSignatureData data = parsed.SignatureData;
        return data.CertificationDataType == QuoteSignatureData.PckChain
            ? FromPckCertificate(parsed.Tee, PemCertificates.Parse(data.CertificationData.Span)[0])
            : throw new EvidenceFormatException("quote.signature_data.qe_certification_data_type", 0, "the quote carries no PCK chain");
    }

    /// <summary>The key for a platform by its PCK certificate.</summary>
    /// <exception cref="EvidenceFormatException">It is no PCK certificate.</exception>
    public static DcapCollateralKey FromPckCertificate(Tee tee, Certificate pck)
    {
        ArgumentNullException.ThrowIfNull(pck);
        PckExtension extension = PckExtension.Parse(pck);
        return new DcapCollateralKey(
            tee, Convert.ToHexString(extension.Fmspc.Span), DistinguishedName.CommonNameOf(pck.Issuer.Span).Contains(DcapRoles.PlatformCa, StringComparison.Ordinal));
    }
}
