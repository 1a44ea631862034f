namespace Cloister.Cli.Etcd;

/// <summary>A version of a KEK.</summary>
internal sealed record KekName(string Name, uint Version)
{
    /// <summary>For tables.</summary>
    public override string ToString() => $"{Name} {Version}";
}
