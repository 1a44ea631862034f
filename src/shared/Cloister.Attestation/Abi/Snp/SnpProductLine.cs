namespace Cloister.Attestation.Abi.Snp;

/// <summary>The AMD EPYC product lines that have a key hierarchy of their own (VCEK and KDS Interface Specification, chapter 3).</summary>
public enum SnpProductLine
{
    /// <summary>Third generation EPYC, family 19h models 00h to 0Fh.</summary>
    Milan,

    /// <summary>Fourth generation EPYC (Genoa, Bergamo, Siena), family 19h models 10h to 1Fh and A0h to AFh.</summary>
    Genoa,

    /// <summary>Fifth generation EPYC, family 1Ah models 00h to 11h.</summary>
    Turin,
}
