namespace Cloister.Broker.Host.Configuration;

/// <summary>Where collateral comes from; one of directory, PCCS and PCS.</summary>
/// <param name="Directory">Files, as DirectoryCollateralSource and DirectorySnpSource read them.</param>
/// <param name="Pccs">A caching service for DCAP.</param>
/// <param name="Kds">AMD's service, or one that answers as it does, for SEV-SNP; null: the directory, if there is one.</param>
/// <param name="Proxy">HTTP proxy on the way to the services; null: none, whatever the environment says.</param>
internal sealed record CollateralOptions(string? Directory, Uri? Pccs, Uri? Kds, Uri? Proxy = null)
{
    /// <summary>Intel's service itself.</summary>
    public Uri? Pcs { get; init; }

    /// <summary>Where the root's revocation list is when Intel's service is asked; null: at Intel.</summary>
    public Uri? RootCaCrl { get; init; }

    /// <summary>Authorities that alone are trusted for PCCS or PCS: PEM, or the path of a file with it; null: the system's.</summary>
    public string? Ca { get; init; }

    /// <summary>The same for KDS.</summary>
    public string? KdsCa { get; init; }
}
