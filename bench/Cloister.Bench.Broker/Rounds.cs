using System.Diagnostics;
using System.Text.Json.Nodes;
using Cloister.Attestation;
using Cloister.Broker.Tests;

namespace Cloister.Bench.Broker;

/// <summary>All measurements: brokers on every database take turns.</summary>
internal static class Rounds
{
    internal static async Task<JsonObject> RunAsync(string program, string[] databases, int rounds, TimeSpan length)
    {
        using SimulatedEnclave enclave = new(TimeProvider.System, Tee.Tdx);
        JsonObject result = new() { ["quoteBytes"] = enclave.Quote(new byte[64]).Length, ["callers"] = Operations.Callers, ["leases"] = Operations.Leases, ["floor"] = new JsonArray() };
        List<(string Name, BrokerUnderLoad Broker, Operations Operations)> sides = [];
        try
        {
            foreach (string database in databases)
            {
                BrokerUnderLoad broker = await BrokerUnderLoad.StartAsync(program, database, enclave);
                sides.Add((database.Split(':')[0], broker, await Operations.StartAsync(broker, enclave)));
                result[database.Split(':')[0]] = new JsonArray();
            }

            for (int round = 0; round < rounds; round++)
            {
                result["floor"]!.AsArray().Add(SignatureFloor.Measure(enclave));
                foreach ((string name, BrokerUnderLoad broker, Operations operations) in sides)
                {
                    result[name]!.AsArray().Add(await RoundAsync(broker, operations, length));
                }
            }
        }
        finally
        {
            foreach ((_, BrokerUnderLoad broker, Operations operations) in sides)
            {
                operations.Dispose();
                await broker.DisposeAsync();
            }
        }

        return result;
    }

    /// <summary>That many renewals, as fast as they go, and the broker's memory meanwhile.</summary>
    internal static async Task<JsonObject> MemoryAsync(string program, string database, long renewals)
    {
        using SimulatedEnclave enclave = new(TimeProvider.System, Tee.Tdx);
        await using BrokerUnderLoad broker = await BrokerUnderLoad.StartAsync(program, database, enclave);
        using Operations operations = await Operations.StartAsync(broker, enclave);
        long begun = 0;
        long done = 0;
        Stopwatch watch = Stopwatch.StartNew();
        Task load = Task.WhenAll(Enumerable.Range(0, Operations.Callers).Select(caller => Task.Run(async () =>
        {
            while (Interlocked.Increment(ref begun) <= renewals)
            {
                await operations.RenewAsync(caller);
                Interlocked.Increment(ref done);
            }
        })));
        JsonArray samples = [];
        for (long next = renewals / 12; !load.IsCompleted; await Task.WhenAny(load, Task.Delay(100)))
        {
            if (Interlocked.Read(ref done) is long now && now >= next)
            {
                samples.Add(new JsonObject { ["renewals"] = now, ["rssMiB"] = Math.Round(broker.RssMiB, 1) });
                next = now + (renewals / 12);
            }
        }

        await load;
        samples.Add(new JsonObject { ["renewals"] = done, ["rssMiB"] = Math.Round(broker.RssMiB, 1) });
        return new JsonObject { ["seconds"] = Math.Round(watch.Elapsed.TotalSeconds), ["renewals"] = done, ["samples"] = samples };
    }

    private static async Task<JsonObject> RoundAsync(BrokerUnderLoad broker, Operations operations, TimeSpan length)
    {
        JsonObject round = [];
        foreach ((string name, int callers, Func<int, Task> operation) in ((string, int, Func<int, Task>)[])[
            ("attest", Operations.Callers, operations.AttestAsync), ("renew", Operations.Callers, operations.RenewAsync),
            ("wrap", 4, operations.WrapAsync), ("unwrap", 4, operations.UnwrapAsync)])
        {
            JsonObject figures = await Load.ClosedAsync(broker, callers, length, operation);
            foreach ((string figure, JsonNode? value) in await Load.FixedRateAsync(100, length, operation))
            {
                figures[figure] = value!.DeepClone();
            }

            round[name] = figures;
        }

        round["rssMiB"] = Math.Round(broker.RssMiB, 1);
        return round;
    }
}
