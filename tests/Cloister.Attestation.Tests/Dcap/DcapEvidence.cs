using Cloister.Attestation.Certificates;
using Cloister.Attestation.Tests.Evidence;
using Cloister.Attestation.Verify;
using Cloister.Attestation.Verify.Dcap;

namespace Cloister.Attestation.Tests.Dcap;

/// <summary>A real SGX or TDX case as inputs of the verifier.</summary>
internal static class DcapEvidence
{
    public static DcapCollateral Collateral(Dictionary<string, byte[]> files) => new()
    {
        TcbInfo = files["tcb_info.json"],
        QeIdentity = files["qe_identity.json"],
        TcbSigningChain = files["tcb_signing_chain.pem"],
        PckCrl = files["pck_crl.der"],
        PckCrlIssuerChain = files["pck_crl_issuer_chain.pem"],
        RootCaCrl = files["root_ca_crl.der"],
        PckChain = files.GetValueOrDefault("pck_chain.pem"),
    };

    public static TrustAnchors Root(EvidenceCase evidence)
    {
        byte[] root = File.ReadAllBytes(Path.Combine(evidence.Directory, evidence.Manifest.GetProperty("root_ca").GetString()!));
        return TrustAnchors.Of(root[0] == (byte)'-' ? PemCertificates.Parse(root) : [Certificate.Parse(root)]);
    }

    public static Tee TeeOf(EvidenceCase evidence) => TeeNames.TryParse(evidence.Manifest.GetProperty("tee").GetString(), out Tee tee) ? tee : throw new InvalidDataException();

    public static VerificationResult Verify(EvidenceCase evidence, Dictionary<string, byte[]> files, VerificationTime time, TrustAnchors? anchors = null) =>
        DcapVerifier.Verify(TeeOf(evidence), files["quote.bin"], Collateral(files), anchors ?? Root(evidence), time);
}
