using System.CommandLine;
using Cloister.Cli.Output;

namespace Cloister.Cli.Etcd;

/// <summary>The options that say where etcd is and which keys are meant; the same for every verb on etcd.</summary>
internal sealed class EtcdConnectionOptions
{
    private readonly Option<string> _endpoints = CliOutput.Path("--endpoints", "etcd itself, no gateway: http:// or https://, several with commas between them");
    private readonly Option<string> _ca = new("--cacert") { Description = "authorities of etcd's certificate, PEM" };
    private readonly Option<string> _certificate = new("--cert") { Description = "client certificate, PEM" };
    private readonly Option<string> _key = new("--key") { Description = "key of the client certificate, PEM" };
    private readonly Option<string>? _prefix = new("--prefix") { Description = "keys that begin with it", DefaultValueFactory = _ => "/registry/secrets/" };

    internal EtcdConnectionOptions()
    {
    }

    // Where etcd may be left out, and all keys are meant.
    private EtcdConnectionOptions(bool required)
    {
        _endpoints.Required = required;
        _prefix = null;
    }

    /// <summary>All of them.</summary>
    internal IEnumerable<Option> All => [_endpoints, _ca, _certificate, _key, .. _prefix is null ? (Option[])[] : [_prefix]];

    /// <summary>Those of a verb that can do without etcd.</summary>
    internal static EtcdConnectionOptions ForScan() => new(required: false);

    internal void AddTo(Command command)
    {
        foreach (Option option in All)
        {
            command.Options.Add(option);
        }
    }

    /// <summary>Whether etcd was named.</summary>
    internal bool IsGiven(ParseResult parsed) => parsed.GetValue(_endpoints) is not null;

    /// <exception cref="CliException">Something does not go together.</exception>
    internal EtcdOptions Etcd(ParseResult parsed) =>
        EtcdOptions.Create(parsed.GetValue(_endpoints)!, parsed.GetValue(_ca), parsed.GetValue(_certificate), parsed.GetValue(_key));

    /// <exception cref="CliException">It is empty.</exception>
    internal string Prefix(ParseResult parsed) =>
        parsed.GetValue(_prefix!) is { Length: > 0 } prefix ? prefix : throw new CliException("--prefix is empty: that would be all of etcd");
}
