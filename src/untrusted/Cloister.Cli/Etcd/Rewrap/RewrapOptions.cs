namespace Cloister.Cli.Etcd.Rewrap;

/// <summary>How values are written again.</summary>
/// <param name="Prefix">Keys that begin with it.</param>
/// <param name="DryRun">Everything but writing.</param>
/// <param name="IncludePlaintext">Values in clear are encrypted too.</param>
/// <param name="Rate">Writes a second at most; 0 for no limit.</param>
/// <param name="PageSize">Keys read at a time.</param>
/// <param name="AllowEmpty">No keys at all are fine.</param>
/// <param name="UnwrapDoubles">Values that are encrypted twice are encrypted once.</param>
/// <param name="ConvergedAt">A revision of etcd after which nobody should have written with another KEK; such values are counted.</param>
internal sealed record RewrapOptions(
    string Prefix, bool DryRun = false, bool IncludePlaintext = false, int Rate = 0, int PageSize = EtcdClient.DefaultPageSize, bool AllowEmpty = false,
    bool UnwrapDoubles = false, long ConvergedAt = long.MaxValue);
