using System.Net;
using System.Text;
using System.Text.Json;
using Cloister.Cli.Tests.Harness;
using Cloister.Conformance.Harness;

namespace Cloister.Gateway.Tests.Support;

/// <summary>One API server of a cluster: always on the same port, restarted with its Secrets kept in another way.</summary>
internal sealed class ApiServerSeat(HarnessPrograms programs, Etcds etcds, string kmsSocket) : IAsyncDisposable
{
    private readonly ScratchFolder _folder = new();
    private readonly int _port = LoopbackPort.Next();
    private ApiServer? _process;

    internal Kubectl Kubectl => field ??= new Kubectl(programs.PathOf("kubectl"), _folder.Path, _folder["kubeconfig"]);

    /// <summary>The entry of the KMS v2 provider of the gateway's name and keys.</summary>
    internal string Provider { get; } = new KmsProvider("v2", "cloister", kmsSocket).Entry;

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    /// <summary>Secrets go through the gateway, and are not encrypted here.</summary>
    /// <param name="ready">False when a list of Secrets is not expected to succeed.</param>
    /// <param name="more">Further arguments.</param>
    internal Task WithGatewayAsync(bool ready = true, params IEnumerable<string> more) => RestartAsync(
    ready,
    [
        "--etcd-servers-overrides", $"/secrets#{etcds.Gateway.Url}",
        "--etcd-cafile", etcds.Gateway.Tls.Ca, "--etcd-certfile", etcds.Gateway.Tls.ClientCertificate, "--etcd-keyfile", etcds.Gateway.Tls.ClientKey,
        .. more,
    ]);

    /// <summary>Encrypts by the first of these providers of an EncryptionConfiguration, and reads those of all.</summary>
    internal async Task WithProvidersAsync(params IEnumerable<string> entries) => await RestartAsync(true, await ConfigurationAsync(entries));

    /// <summary>Both.</summary>
    internal async Task WithGatewayAndProvidersAsync(params IEnumerable<string> entries) => await WithGatewayAsync(true, await ConfigurationAsync(entries));

    /// <summary>Encrypts nothing and reads nothing that is encrypted.</summary>
    internal Task WithNothingAsync() => RestartAsync(true, []);

    /// <summary>The API server's own interface; its certificate is one that it made itself.</summary>
    internal HttpClient Api()
    {
        HttpClientHandler handler = new() { ServerCertificateCustomValidationCallback = HttpClientHandler.DangerousAcceptAnyServerCertificateValidator };
        return new HttpClient(handler) { BaseAddress = new Uri($"https://127.0.0.1:{_port}"), Timeout = TimeSpan.FromSeconds(20) };
    }

    /// <summary>What it lists in namespace default: names and passwords.</summary>
    internal async Task<IReadOnlyDictionary<string, string>> ListAsync()
    {
        using HttpClient api = Api();
        string answer = "";
        await Eventually.HoldsAsync(
            "the list is read",
            TimeSpan.FromSeconds(60),
            async () =>
            {
                using HttpResponseMessage response = await api.GetAsync("/api/v1/namespaces/default/secrets", Stop);
                answer = await response.Content.ReadAsStringAsync(Stop);
                return response.StatusCode == HttpStatusCode.OK;
            },
            Stop,
            () => answer);
        using JsonDocument list = JsonDocument.Parse(answer);
        return list.RootElement.GetProperty("items").EnumerateArray().ToDictionary(
            item => item.GetProperty("metadata").GetProperty("name").GetString()!,
            item => Encoding.UTF8.GetString(item.GetProperty("data").GetProperty("password").GetBytesFromBase64()));
    }

    public async ValueTask DisposeAsync()
    {
        if (_process is not null)
        {
            await _process.DisposeAsync();
        }

        _folder.Dispose();
    }

    private async Task<string[]> ConfigurationAsync(IEnumerable<string> entries)
    {
        await File.WriteAllTextAsync(_folder["encryption.yaml"], KmsProvider.ConfigurationOf(entries), Stop);
        return ["--encryption-provider-config", _folder["encryption.yaml"]];
    }

    private async Task RestartAsync(bool ready, string[] arguments)
    {
        if (_process is not null)
        {
            await _process.DisposeAsync();
        }

        _process = await ApiServer.StartAsync(
            programs, _folder.Path, _folder["kubeconfig"], ["--secure-port", $"{_port}", "--etcd-servers", etcds.Url, .. arguments], Stop);
        CommandResult? last = null;
        await Eventually.HoldsAsync(
            "the API server is ready",
            TimeSpan.FromSeconds(90),
            async () =>
            {
                last = await Kubectl.RunAsync(Stop, ready ? ["get", "secrets", "-o", "name"] : ["get", "configmaps"]);
                return last.Succeeded && (!ready || await Kubectl.IsOkAsync("/readyz", Stop));
            },
            Stop,
            () => $"{last?.Error}{_process.Tail()}");
    }
}
