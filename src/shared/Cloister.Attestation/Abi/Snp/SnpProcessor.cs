namespace Cloister.Attestation.Abi.Snp;

/// <summary>CPUID family, model and stepping as a report of version 3 or later gives them.</summary>
/// <param name="Family">Combined extended and base family.</param>
/// <param name="Model">Combined extended and base model.</param>
/// <param name="Stepping">Stepping.</param>
public readonly record struct SnpProcessor(byte Family, byte Model, byte Stepping)
{
    /// <summary>The product line whose keys sign for this processor, or null for one that is not known.</summary>
    public SnpProductLine? ProductLine => SnpProduct.Of(this)?.Line;
}
