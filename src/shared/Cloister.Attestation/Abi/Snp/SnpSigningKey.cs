namespace Cloister.Attestation.Abi.Snp;

/// <summary>The key that signed a report, from its key information (SEV-SNP Firmware ABI 56860, table 23, bits 4:2 at 048h).</summary>
public enum SnpSigningKey
{
    /// <summary>The versioned chip endorsement key.</summary>
    Vcek = 0,

    /// <summary>The versioned loaded endorsement key of a cloud provider.</summary>
    Vlek = 1,

    /// <summary>The report is not signed.</summary>
    None = 7,
}
