namespace Cloister.Cli.Etcd;

/// <summary>Counts of one namespace.</summary>
internal sealed class NamespaceCoverage
{
    internal long Keys { get; set; }

    internal long Encrypted { get; set; }

    internal long Stale { get; set; }

    internal long Offending { get; set; }
}
