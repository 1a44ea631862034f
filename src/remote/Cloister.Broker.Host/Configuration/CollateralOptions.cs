namespace Cloister.Broker.Host.Configuration;

/// <summary>Where DCAP collateral comes from; one of the two.</summary>
/// <param name="Directory">Files, as DirectoryCollateralSource reads them.</param>
/// <param name="Pccs">A caching service.</param>
internal sealed record CollateralOptions(string? Directory, Uri? Pccs);
