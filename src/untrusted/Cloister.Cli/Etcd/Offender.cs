namespace Cloister.Cli.Etcd;

/// <summary>A key for which the requirement does not hold, or whose value does not open.</summary>
internal sealed record Offender(string Key, Storage Storage, bool? Opens);
