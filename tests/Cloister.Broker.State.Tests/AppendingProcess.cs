using System.Diagnostics;
using System.Globalization;
using System.Runtime.CompilerServices;
using System.Text.Json.Nodes;
using Cloister.Audit;
using Cloister.Broker.State.Audit;

namespace Cloister.Broker.State.Tests;

/// <summary>This program again, in a mode in which it appends to an audit log, and prints each entry that was acknowledged, until killed.</summary>
internal static class AppendingProcess
{
    private const string Variable = "CLOISTER_TEST_APPEND_TO";

    public static async Task<List<(long Seq, string Hash)>> RunAndKillAsync(string address, int least, CancellationToken cancellation)
    {
        var start = new ProcessStartInfo(Environment.ProcessPath!) { RedirectStandardOutput = true };
        start.Environment[Variable] = address;
        using Process process = Process.Start(start)!;
        var acknowledged = new List<(long, string)>();
        try
        {
            while (await process.StandardOutput.ReadLineAsync(cancellation) is { } line)
            {
                if (line.Split(' ') is [var seq, { Length: 64 } hash]) // the last line may be cut off
                    acknowledged.Add((long.Parse(seq, CultureInfo.InvariantCulture), hash));
                if (acknowledged.Count == least)
                    process.Kill(); // SIGKILL; what it printed until then is read on
            }
        }
        finally
        {
            process.Kill();
            await process.WaitForExitAsync(CancellationToken.None);
        }
        return acknowledged;
    }

    // Runs before the test program's entry point. No other thread can enter this assembly meanwhile, so nothing here may be asynchronous.
    [ModuleInitializer]
    internal static void AppendForEver()
    {
        if (Environment.GetEnvironmentVariable(Variable) is not { } address)
            return;
        SqlBrokerState state = SqlBrokerState.OpenAsync(DatabaseAddress.Parse(address), TimeProvider.System, CancellationToken.None).GetAwaiter().GetResult();
        var waiting = new Task<AuditEntry>[16];
        while (true)
        {
            for (int i = 0; i < waiting.Length; i++)
                waiting[i] = state.AppendAsync(new AuditEvent("test.append", new JsonObject { ["i"] = i }), CancellationToken.None);
            foreach (Task<AuditEntry> append in waiting)
            {
                AuditEntry entry = append.GetAwaiter().GetResult();
                Console.WriteLine($"{entry.Seq} {Convert.ToHexStringLower(entry.Hash)}");
            }
        }
    }
}
