using System.CommandLine;
using Cloister.Cli.Output;

namespace Cloister.Cli.RollOut;

/// <summary>The options that say which API servers there are; the same for every verb of a roll-out.</summary>
internal sealed class RolloutOptions
{
    private readonly Option<string[]> _servers = new("--api-server")
    {
        Description = "NAME=URL, such as cp1=https://10.0.0.1:6443: each API server's own address, no load balancer's; repeat for every one", Required = true,
    };

    private readonly Option<string> _phases = CliOutput.Path("--phases", "folder with readers.yaml, writers.yaml and sealed.yaml, as they are on the nodes");
    private readonly Option<string?> _kubeconfig = new("--kubeconfig") { Description = "for kubectl; may read /metrics, /readyz and leases in kube-system" };
    private readonly Option<string> _kubectl = new("--kubectl") { Description = "the program", DefaultValueFactory = _ => "kubectl" };
    private readonly Option<bool> _all = new("--these-are-all") { Description = "do not compare the list with the leases by which the cluster knows its API servers (it has none before Kubernetes 1.26)" };

    private readonly Option<string> _gatewayCheck = new("--gateway-check")
    {
        Description = "the check of an API server that has the gateway in --etcd-servers-overrides; N counts its servers there", DefaultValueFactory = _ => "etcd-override-0",
    };

    /// <summary>Where each node's gateway is for its API server; null: there are none.</summary>
    internal Option<string?> Gateway { get; } = new("--gateway")
    {
        Description = "URL of its node's gateway for each API server, such as https://127.0.0.1:2390: the way is to the gateway (readers, gateway) in place of the plugin's",
    };

    internal Option<OutputFormat> Output { get; } = CliOutput.Option();

    internal void AddTo(Command command)
    {
        foreach (Option option in (Option[])[_servers, _phases, _kubeconfig, _kubectl, _all, Gateway, _gatewayCheck, Output])
        {
            command.Options.Add(option);
        }
    }

    /// <summary>Asks all of them at once.</summary>
    /// <exception cref="CliException">The command line is no list of API servers, the files are no phases, or kubectl is not there.</exception>
    internal async Task<(IReadOnlyList<ApiServerView> Servers, IReadOnlyList<string>? Identities, PhaseFiles Files)> LookAsync(ParseResult parsed, CancellationToken cancellation)
    {
        (string Name, string Url)[] servers = [.. parsed.GetValue(_servers)!.Select(Server)];
        if (servers.DistinctBy(server => server.Name).Count() < servers.Length || servers.DistinctBy(server => server.Url).Count() < servers.Length)
        {
            throw new CliException("--api-server: two have one name or one URL");
        }

        if (parsed.GetValue(Gateway) is { } gateway && !IsServer(gateway))
        {
            throw new CliException($"--gateway {CliOutput.Shown(gateway)}: has to be https://HOST:PORT");
        }

        string? check = parsed.GetValue(Gateway) is null ? null : parsed.GetValue(_gatewayCheck)!;
        if (check is not null && !check.All(c => char.IsAsciiLetterOrDigit(c) || c == '-'))
        {
            throw new CliException($"--gateway-check {CliOutput.Shown(check)}: has to be a name such as etcd-override-0");
        }

        PhaseFiles files = PhaseFiles.Read(parsed.GetValue(_phases)!);
        Kubectl kubectl = new(parsed.GetValue(_kubectl)!, parsed.GetValue(_kubeconfig));
        ApiServerView[] views = await Task.WhenAll(servers.Select(server => kubectl.LookAsync(server.Name, server.Url, files, check, cancellation)));
        return (views, parsed.GetValue(_all) ? null : await kubectl.IdentitiesAsync(servers[0].Url, cancellation), files);
    }

    private static (string Name, string Url) Server(string text)
    {
        string[] parts = text.Split('=', 2);
        return parts is [{ Length: > 0 } name, { } url] && !name.Any(char.IsControl) && IsServer(url)
            ? (name, url)
            : throw new CliException($"--api-server {CliOutput.Shown(text)}: has to be NAME=https://HOST:PORT");
    }

    private static bool IsServer(string url) => Uri.TryCreate(url, UriKind.Absolute, out Uri? uri) && uri.Scheme == "https";
}
