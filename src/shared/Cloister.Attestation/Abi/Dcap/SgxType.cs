namespace Cloister.Attestation.Abi.Dcap;

/// <summary>How the platform protects memory (PCK certificate, SGX type).</summary>
public enum SgxType
{
    /// <summary>Standard: with integrity tree.</summary>
    Standard = 0,

    /// <summary>Scalable: large memory, no cryptographic integrity.</summary>
    Scalable = 1,

    /// <summary>Scalable with integrity.</summary>
    ScalableWithIntegrity = 2,
}
