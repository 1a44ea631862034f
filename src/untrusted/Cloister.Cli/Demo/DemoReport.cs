using Cloister.Cli.Output;

namespace Cloister.Cli.Demo;

/// <summary>The demonstrations for people: tables, and what they mean.</summary>
internal static class DemoReport
{
    internal static void Write(DemoOutcome outcome, int latency)
    {
        CliOutput.Table(
            ["scenario", "Secrets", "remote KMS calls", "write p50 / p99 us", "read p50 / p99 us", "KEK found in", "DEK found in"],
            outcome.Results.Select(result => result.ToRow()));
        foreach ((string title, string why) in outcome.LeftOut)
        {
            Console.Out.WriteLine($"Left out: {title}: {why}.");
        }

        CliOutput.Table(
            ["what was tried", "at", ""],
            outcome.Refusals.Select(refusal => (IReadOnlyList<string>)[refusal.Case, refusal.Step, refusal.Refused ? "refused" : "NOT REFUSED"]));
        Console.Out.WriteLine(
            $"Restart while the broker is away: the enclave with a sealed copy of its lease {(outcome.Restart.GoesOnWithSealedCopy ? "goes on" : "DOES NOT GO ON")}.");
        if (outcome.Way is { } way)
        {
            CliOutput.Table([$"one Secret through the gateway: {way.Key}", ""], way.ToRows());
        }

        if (outcome.EndToEnd is { } endToEnd)
        {
            CliOutput.Table(["the same API server with the plugin (KMS v2)", ""],
            [
                ["kubectl reads what it wrote", endToEnd.RoundTrip ? "yes" : "NO"],
                ["etcd holds", $"{endToEnd.StoredPrefix}... {(endToEnd.PlaintextInEtcd ? "WITH THE PLAINTEXT" : "no plaintext")}"],
                ["the stored value opens with the KEK, by the written formats alone", endToEnd.OpensWithKek ? "yes" : "NO"],
                ["KEK found in", endToEnd.KekFoundIn.Count == 0 ? "nowhere outside the enclave" : string.Join(", ", endToEnd.KekFoundIn)],
                ["seed found in", $"{string.Join(", ", endToEnd.SeedFoundIn)} (a stock API server makes it itself)"],
            ]);
        }

        Console.Out.WriteLine($"""
            In the baseline there is no TEE: the plugin, with a software KMS whose calls take {latency} ms (--kms-latency-ms), is a process
            like any other. In demo 2 an operator verified the enclave's evidence and sent the KEK to it alone. Demos 1 and 3 and the
            gateway have a broker, which verified the evidence; its audit log counts the calls.
            "Found" is a scan of the whole memory of every process outside the enclave for the keys themselves (demo 1: of the enclave
            too for the KEK); the same scan found them where they belong. Behind real API servers, both ways, it ran twice while Secrets
            were written and read, for the keys of all that etcd held by then. In demos 1 to 3 a stand-in for an API server sends the Secret to
            the enclave, which makes the DEK; with the gateway the API server is the real one, as it is, and its times have etcd in them.
            A stock API server with a plugin makes its own key material (last row): a plugin alone cannot keep that out of the API
            server's memory.
            {(outcome.Held ? "Everything held." : "NOT EVERYTHING HELD.")}
            """);
    }
}
