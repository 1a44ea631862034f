namespace Cloister.Cli.Etcd;

/// <summary>A key for which the requirement does not hold.</summary>
internal sealed record Offender(string Key, Storage Storage);
