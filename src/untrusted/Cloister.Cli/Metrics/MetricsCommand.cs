using System.CommandLine;
using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json.Nodes;
using Cloister.Cli.Enclaves;
using Cloister.Cli.Output;
using Cloister.Contracts.EnclaveAdmin;
using Grpc.Core;
using Grpc.Net.Client;

namespace Cloister.Cli.Metrics;

/// <summary><c>cloister metrics</c>: the enclave's state for Prometheus. It stands outside the enclave, so the measured code has no HTTP endpoint more.</summary>
internal static class MetricsCommand
{
    // The kernel's number of it, which some of .NET's exceptions have in place of their own. Source: errno(3), EADDRINUSE.
    private const int AddressInUse = 98;

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(3);

    internal static Command Create()
    {
        Option<string[]> sockets = new("--admin-socket", "--socket") { Description = "the enclave's admin socket; may be repeated", Required = true };
        Option<IPEndPoint?> listen = new("--listen")
        {
            Description = "address:port to serve /metrics on, until SIGTERM; without it the metrics are printed once",
            CustomParser = result => IPEndPoint.TryParse(result.Tokens.Single().Value, out IPEndPoint? end) && end.Port > 0 ? end : Refuse(result),
        };
        Option<OutputFormat> output = CliOutput.Option();
        Command command = new("metrics", "Print or serve the state of enclaves in Prometheus' text format. Exit 2 when printing and one does not answer.") { sockets, listen, output };
        command.SetAction(async (parsed, cancellation) =>
        {
            string[] paths = parsed.GetValue(sockets)!;
            if (parsed.GetValue(listen) is { } end)
            {
                await ServeAsync(paths, end, cancellation);
                return ExitCode.Done;
            }

            List<(string, EnclaveState? State)> enclaves = await ReadAsync(paths, cancellation);
            string text = MetricsText.Write(enclaves);
            if (parsed.GetValue(output) == OutputFormat.Json)
            {
                CliOutput.Json(new JsonObject { ["text"] = text });
            }
            else
            {
                Console.Out.Write(text);
            }

            return enclaves.TrueForAll(enclave => enclave.State is not null) ? ExitCode.Done : ExitCode.No;
        });
        return command;
    }

    private static IPEndPoint? Refuse(System.CommandLine.Parsing.ArgumentResult result)
    {
        result.AddError("--listen is ADDRESS:PORT, such as 127.0.0.1:9464");
        return null;
    }

    private static async Task<List<(string, EnclaveState?)>> ReadAsync(string[] sockets, CancellationToken cancellation)
    {
        List<(string, EnclaveState?)> enclaves = [];
        foreach (string socket in sockets)
        {
            try
            {
                using GrpcChannel channel = EnclaveChannel.Open(socket);
                enclaves.Add((socket, await new Admin.AdminClient(channel).GetStateAsync(new GetStateRequest(), deadline: DateTime.UtcNow + Patience, cancellationToken: cancellation)));
            }
            catch (Exception e) when (e is RpcException or CliException && !cancellation.IsCancellationRequested)
            {
                enclaves.Add((socket, null));
            }
        }

        return enclaves;
    }

    private static async Task ServeAsync(string[] sockets, IPEndPoint end, CancellationToken cancellation)
    {
        using HttpListener listener = new();

        // All addresses of the machine have a name of their own here.
        string host = end.Address.Equals(IPAddress.Any) || end.Address.Equals(IPAddress.IPv6Any) ? $"*:{end.Port}" : $"{end}";
        listener.Prefixes.Add($"http://{host}/");
        try
        {
            listener.Start();
        }
        catch (HttpListenerException e)
        {
            throw new CliException(e.ErrorCode is (int)SocketError.AddressAlreadyInUse or AddressInUse
                ? $"--listen {end}: another program has that port: take a free port"
                : $"--listen {end}: {e.Message}: take an address of this machine, or 0.0.0.0 for all");
        }

        using CancellationTokenRegistration stopping = cancellation.Register(listener.Abort);
        await Console.Out.WriteLineAsync($"ready http://{end}/metrics");
        while (!cancellation.IsCancellationRequested)
        {
            try
            {
                await AnswerAsync(await listener.GetContextAsync(), sockets, cancellation);
            }
            catch (Exception e) when (e is HttpListenerException or ObjectDisposedException or IOException or OperationCanceledException)
            {
                // The scraper went away, or this program is told to stop: the loop's condition says which.
            }
        }
    }

    private static async Task AnswerAsync(HttpListenerContext context, string[] sockets, CancellationToken cancellation)
    {
        using HttpListenerResponse response = context.Response;
        if (context.Request.HttpMethod != "GET" || context.Request.Url?.AbsolutePath != "/metrics")
        {
            response.StatusCode = (int)HttpStatusCode.NotFound;
            return;
        }

        byte[] body = Encoding.UTF8.GetBytes(MetricsText.Write(await ReadAsync(sockets, cancellation)));
        response.ContentType = MetricsText.ContentType;
        response.ContentLength64 = body.Length;
        await response.OutputStream.WriteAsync(body, cancellation);
    }
}
