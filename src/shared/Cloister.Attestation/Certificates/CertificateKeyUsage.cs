namespace Cloister.Attestation.Certificates;

/// <summary>The keyUsage bits that verifiers look at (RFC 5280, 4.2.1.3).</summary>
[Flags]
public enum CertificateKeyUsage
{
    /// <summary>No bit, or no extension.</summary>
    None = 0,

    /// <summary>Bit 0: signatures other than on certificates and CRLs.</summary>
    DigitalSignature = 1,

    /// <summary>Bit 5: signatures on certificates.</summary>
    CertificateSign = 32,

    /// <summary>Bit 6: signatures on revocation lists.</summary>
    CrlSign = 64,
}
