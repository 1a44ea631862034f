using Cloister.Attestation.Certificates;

namespace Cloister.Attestation.Verify.Dcap;

/// <summary>Which certificate may stand where (Intel SGX PCK Certificate and CRL Profile, 1.2 and 1.3; QvL, X509Constants).</summary>
internal static class DcapRoles
{
    public const string Root = "SGX Root CA";
    public const string ProcessorCa = "SGX PCK Processor CA";
    public const string PlatformCa = "SGX PCK Platform CA";
    public const string Pck = "SGX PCK Certificate";
    public const string TcbSigning = "SGX TCB Signing";

    public static bool IsPckAuthority(Certificate certificate) => Has(certificate, ProcessorCa) || Has(certificate, PlatformCa);

    public static bool Has(Certificate certificate, string role) => certificate.CommonName.Contains(role, StringComparison.Ordinal);

    /// <summary>Intel signs with ECDSA P-256 and SHA-256 only.</summary>
    public static bool UsesIntelAlgorithms(Certificate certificate) =>
        certificate.PublicKey.Kind == PublicKeyKind.P256 && certificate.SignatureScheme == SignatureScheme.EcdsaSha256;

    /// <summary>A leaf signs data and is no authority.</summary>
    public static bool IsSigningLeaf(Certificate certificate) =>
        !certificate.IsAuthority && (certificate.KeyUsage & CertificateKeyUsage.DigitalSignature) != 0;

    public static bool Same(Certificate a, Certificate b) => a.Der.Span.SequenceEqual(b.Der.Span);
}
