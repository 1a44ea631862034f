using System.Diagnostics;
using System.Text.Json.Nodes;

namespace Cloister.Bench.Gateway;

/// <summary>
/// The secrets service with values of 1 KiB, against what an API server with the plain KMS v2 provider does instead: first alone (its peer makes
/// no call at all, it encrypts with a seed in its own memory), then where it counts, in real API-server code on one etcd.
/// </summary>
internal sealed class SecretsServiceBench(Servers servers, string tools)
{
    private const string Ours = "secrets-service";
    private const string Peer = "local";
    private const int ValueSize = 1024;
    private const int BatchSize = 500;

    // As many in one measured call of the peer's, whose one value takes no longer than reading the clock.
    private const int LocalBatch = 100;

    /// <summary>Measures everything; the first round of each is not kept.</summary>
    internal async Task RunAsync(JsonObject report, int secrets, int rounds, double seconds)
    {
        report["service, us a value"] = await ServiceAsync(rounds, seconds);
        string apiServer = Path.Combine(tools, "apiserver");
        (ApiServerPath ours, ApiServerPath peer) = (ApiServerPath.SecretsService(servers), ApiServerPath.KmsV2(servers));
        report["lists"] = await new RestartedLists(servers, apiServer, secrets, ours, peer).RunAsync(rounds);
        report["calls, p50 us"] = await new ApiServerCalls(servers, apiServer, ours, peer).RunAsync(rounds);
    }

    private async Task<JsonObject> ServiceAsync(int rounds, double seconds)
    {
        Comparison results = new(Ours, Peer);
        for (int round = 0; round <= rounds; round++)
        {
            foreach (int callers in (int[])[1, 16])
            {
                foreach ((string op, int batch, string local) in ((string, int, string)[])[("encrypt", 1, "encrypt"), ("decrypt", 1, "decrypt"), ("decryptbatch", BatchSize, "decrypt")])
                {
                    await NoteAsync(results, Ours, op, batch, callers, round, seconds, op, "--api", "secrets", "--socket", Path.Combine(servers.Dev, "secrets.sock"), "--pid", $"{servers.Enclave}");
                    await NoteAsync(results, Peer, local, LocalBatch, callers, round, seconds, op, "--api", "local");
                }
            }
        }

        return results.ToJson(digits: 2);
    }

    // The peer's CPU time is its client's, which is the API server's; so is ours with the enclave's added.
    private async Task NoteAsync(Comparison results, string side, string op, int batch, int callers, int round, double seconds, string title, params string[] connection)
    {
        string[] arguments =
        [
            .. connection, "--op", op, "--batch", $"{batch}", "--size", $"{ValueSize}", "--callers", $"{callers}", "--warmup", "200ms",
            "--duration", FormattableString.Invariant($"{seconds}s"),
        ];
        using Process process = Process.Start(new ProcessStartInfo(Path.Combine(tools, "kmsload"), arguments) { RedirectStandardOutput = true })!;
        string output = await process.StandardOutput.ReadToEndAsync();
        await process.WaitForExitAsync();
        JsonNode found = process.ExitCode == 0 ? JsonNode.Parse(output)! : throw new InvalidOperationException($"kmsload {string.Join(' ', arguments)} failed");
        if ((long)found["errors"]! != 0)
        {
            throw new InvalidOperationException($"calls failed: {output}");
        }

        string what = $"{title}, {callers} caller{(callers == 1 ? "" : "s")}";
        results.Note($"{what}: p50", side, (double)found["p50Us"]! / batch, keep: round > 0);
        results.Note($"{what}: one in so many us", side, 1e6 / ((double)found["rps"]! * batch), keep: round > 0);
        results.Note($"{what}: CPU, API server's side and enclave", side, ((double)found["clientCpuUs"]! + (found["serverCpuUs"] is { } enclave ? (double)enclave : 0)) / batch, keep: round > 0);
    }
}
