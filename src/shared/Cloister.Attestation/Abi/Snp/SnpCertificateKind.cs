namespace Cloister.Attestation.Abi.Snp;

/// <summary>What an entry of a certificate table holds (GHCB 56421, section 4.1.8.1).</summary>
public enum SnpCertificateKind
{
    /// <summary>A GUID that is not AMD's; the cloud provider's own matter.</summary>
    Unknown,

    /// <summary>AMD root key certificate.</summary>
    Ark,

    /// <summary>AMD SEV key certificate: issuer of VCEKs, or of VLEKs where a provider puts the ASVK here.</summary>
    Ask,

    /// <summary>Versioned chip endorsement key certificate.</summary>
    Vcek,

    /// <summary>Versioned loaded endorsement key certificate.</summary>
    Vlek,

    /// <summary>Revocation list.</summary>
    Crl,
}
