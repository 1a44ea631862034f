namespace Cloister.Broker.Host.Configuration;

/// <summary>Where collateral comes from; one of directory and PCCS.</summary>
/// <param name="Directory">Files, as DirectoryCollateralSource and DirectorySnpSource read them.</param>
/// <param name="Pccs">A caching service for DCAP.</param>
/// <param name="Kds">AMD's service, or one that answers as it does, for SEV-SNP; null: the directory, if there is one.</param>
/// <param name="Proxy">HTTP proxy on the way to the two services; null: none, whatever the environment says.</param>
internal sealed record CollateralOptions(string? Directory, Uri? Pccs, Uri? Kds, Uri? Proxy = null);
