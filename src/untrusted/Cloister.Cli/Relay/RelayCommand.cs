using System.CommandLine;
using System.Net;
using System.Text.Json.Nodes;
using Cloister.Cli.Metrics;
using Cloister.Cli.Output;
using Cloister.Sockets;

namespace Cloister.Cli.Relay;

/// <summary><c>cloister relay</c>: a socket that the host sees, in front of an enclave that cannot own it.</summary>
internal static class RelayCommand
{
    internal static Command Create()
    {
        Option<string> listen = new("--listen") { Description = "unix:/absolute/path, tcp:127.0.0.1:port, or vsock:PORT for enclaves on this machine", Required = true };
        Option<string> target = new("--target") { Description = "host:port on this machine, unix:/absolute/path, or vsock:CID:PORT of an enclave; with --listen vsock: any host:port, such as a broker's", Required = true };
        Option<string> mode = new("--socket-mode") { Description = "mode of the unix socket", DefaultValueFactory = _ => "0600" };
        Option<uint[]> uids = new("--allowed-uid") { Description = "who may connect to the unix socket; may be repeated (this user and root)" };
        Option<int> connections = new("--max-connections") { Description = "connections at the same time", DefaultValueFactory = _ => 8192 };
        CliOutput.Range(connections, 1, 1_000_000);
        Option<string?> key = new("--key") { Description = "this relay's key, which the enclave's configuration pins: TLS to the target (cloister relay keygen)" };
        Option<uint[]> owners = new("--target-uid") { Description = "with --key and a TCP target: users whose process may have the port; may be repeated (this user and root)" };
        Option<IPEndPoint?> metrics = MetricsServer.Option("--metrics", "address:port to serve /metrics, /livez and /readyz of this relay on");
        Option<OutputFormat> output = CliOutput.Option();
        Command command = new("relay", "Copy bytes between a unix socket and TCP or vsock, or back; what is in them is not parsed. Runs until SIGTERM.")
        {
            listen, target, key, owners, mode, uids, connections, metrics, output, KeyGen(),
        };
        command.SetAction(async (parsed, cancellation) =>
        {
            ListenAddress address = Address(parsed.GetValue(listen)!, "--listen");
            string to = parsed.GetValue(target)!;
            EndPoint destination = Target(to, address.EndPoint is VsockEndPoint);
            SocketPermissions permissions = new() { Mode = Mode(parsed.GetValue(mode)!), AllowedUids = parsed.GetValue(uids) ?? [] };
            using ByteRelay relay = ByteRelay.Listen(
                address, destination, permissions, parsed.GetValue(connections), Tls(parsed.GetValue(key), parsed.GetValue(owners) ?? [], address, destination));
            MetricsServer? server = parsed.GetValue(metrics) is { } end
                ? new MetricsServer(MetricsServer.Listen("--metrics", end), _ => Task.FromResult(relay.Counters.Text()), relay.CheckTargetAsync)
                : null;
            JsonObject document = new() { ["listen"] = relay.Address, ["target"] = TargetText(to) };
            await Console.Out.WriteLineAsync(
                parsed.GetValue(output) == OutputFormat.Json ? $"ready {document.ToJsonString()}" : $"ready {relay.Address} -> {TargetText(to)}");
            await Task.WhenAll(relay.RunAsync(cancellation), server?.RunAsync(cancellation) ?? Task.CompletedTask);
            return ExitCode.Done;
        });
        return command;
    }

    private static Command KeyGen()
    {
        Option<string> key = CliOutput.Path("--key", "new file for the private key, which only its owner can read");
        Option<OutputFormat> output = CliOutput.Option();
        Command command = new("keygen", "Make a relay's key, and print the pin for relay.pins in the enclave's configuration. With a key that is there: print its pin.") { key, output };
        command.SetAction(parsed =>
        {
            string path = parsed.GetValue(key)!;
            RelayKey made = File.Exists(path) ? RelayKey.Read(path) : RelayKey.Make(path);
            if (parsed.GetValue(output) == OutputFormat.Json)
            {
                CliOutput.Json(new JsonObject { ["pin"] = made.Pin, ["key"] = path });
            }
            else
            {
                Console.Out.WriteLine(made.Pin);
            }

            return ExitCode.Done;
        });
        return command;
    }

    // Towards an enclave only: what comes out of one is TLS of its own.
    private static EnclaveTls? Tls(string? key, uint[] owners, ListenAddress listen, EndPoint target)
    {
        if (key is null)
        {
            return owners.Length == 0 ? null : throw new CliException("--target-uid goes with --key");
        }

        if (listen.EndPoint is VsockEndPoint || target is not (IPEndPoint or VsockEndPoint))
        {
            throw new CliException("--key is for a target that is an enclave's TCP or vsock port");
        }

        return new EnclaveTls(RelayKey.Read(key), new SocketPermissions { AllowedUids = owners }.EffectiveUids());
    }

    private static ListenAddress Address(string text, string option) =>
        ListenAddress.Parse(text, out string error) ?? throw new CliException($"{option} {text}: {error}");

    private static EndPoint Target(string text, bool fromEnclave)
    {
        if (text.StartsWith("vsock:", StringComparison.Ordinal))
        {
            return VsockEndPoint.Parse(text) is { Cid: not VsockEndPoint.AnyCid } vsock
                ? vsock
                : throw new CliException($"--target {text}: an enclave is vsock:CID:PORT; nitro-cli describe-enclaves shows its CID");
        }

        // What comes out of an enclave is TLS of its own; what goes in is not, and stays on this machine.
        return fromEnclave && !text.StartsWith("unix:", StringComparison.Ordinal) ? Anywhere(text) : Address(TargetText(text), "--target").EndPoint;
    }

    private static EndPoint Anywhere(string text)
    {
        string address = TargetText(text)["tcp:".Length..];
        if (!Uri.TryCreate($"tcp://{address}", UriKind.Absolute, out Uri? uri) || uri.Port <= 0 || !uri.Authority.Equals(address, StringComparison.OrdinalIgnoreCase))
        {
            throw new CliException($"--target {text}: a broker is HOST:PORT");
        }

        return IPAddress.TryParse(uri.DnsSafeHost, out IPAddress? ip) ? new IPEndPoint(ip, uri.Port) : new DnsEndPoint(uri.DnsSafeHost, uri.Port);
    }

    private static string TargetText(string text) =>
        text.StartsWith("unix:", StringComparison.Ordinal) || text.StartsWith("tcp:", StringComparison.Ordinal) || text.StartsWith("vsock:", StringComparison.Ordinal)
            ? text
            : $"tcp:{text.Replace("localhost", "127.0.0.1", StringComparison.Ordinal)}";

    private static UnixFileMode Mode(string text)
    {
        bool octal = text.Length is 3 or 4 && !text.AsSpan().ContainsAnyExceptInRange('0', '7');
        return octal ? (UnixFileMode)Convert.ToInt32(text, 8) : throw new CliException($"--socket-mode {text}: an octal mode such as 0600");
    }
}
