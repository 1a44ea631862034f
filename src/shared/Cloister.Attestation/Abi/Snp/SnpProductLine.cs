namespace Cloister.Attestation.Abi.Snp;

/// <summary>The AMD EPYC product lines that have a key hierarchy of their own and are verified here; <see cref="SnpProduct"/> has what is known of each.</summary>
public enum SnpProductLine
{
    /// <summary>Third generation EPYC.</summary>
    Milan,

    /// <summary>Fourth generation EPYC: Genoa, Bergamo, Siena.</summary>
    Genoa,

    /// <summary>Fifth generation EPYC.</summary>
    Turin,
}
