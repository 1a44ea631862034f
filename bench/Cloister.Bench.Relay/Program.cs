using System.Text.Json;
using System.Text.Json.Nodes;
using Cloister.Bench.Relay;

// Cloister.Bench.Relay [--rounds N] [--calls N] [--size BYTES] NAME=PROGRAM ...
//   PROGRAM is a 'cloister', as it is shipped: it is started as 'PROGRAM relay'. Rounds of all paths alternate.
int rounds = 11;
int calls = 5_000;
int size = 64;
Dictionary<string, string> programs = [];
for (int i = 0; i < args.Length; i++)
{
    switch (args[i])
    {
        case "--rounds":
            rounds = Number(args[++i]);
            break;
        case "--calls":
            calls = Number(args[++i]);
            break;
        case "--size":
            size = Number(args[++i]);
            break;
        default:
            string[] parts = args[i].Split('=', 2);
            programs.Add(parts[0], parts[1]);
            break;
    }
}

string folder = Directory.CreateTempSubdirectory("cloister-bench-").FullName;
List<RelayedPath> relays = [];
try
{
    using EchoServer echo = new();
    using PingPong direct = new(echo.EndPoint, size);
    foreach ((string name, string program) in programs)
    {
        relays.Add(RelayedPath.Start(name, program, Path.Combine(folder, $"{name}.sock"), echo.EndPoint, size));
    }

    SchedPipe pipe = new();
    Round(calls);
    direct.Forget();
    relays.ForEach(relay => relay.PingPong.Forget());
    for (int round = 0; round < rounds; round++)
    {
        Round(calls);
        pipe.Measure();
    }

    JsonArray relayed = [];
    foreach (RelayedPath relay in relays)
    {
        double added = relay.PingPong.MedianOfP50 - direct.MedianOfP50;
        JsonObject row = new()
        {
            ["name"] = relay.Name,
            ["relayedP50Us"] = Math.Round(relay.PingPong.MedianOfP50, 1),
            ["relayedBestP50Us"] = Math.Round(relay.PingPong.BestP50, 1),
            ["addedP50Us"] = Math.Round(added, 1),
            ["addedBestP50Us"] = Math.Round(relay.PingPong.BestP50 - direct.BestP50, 1),
        };
        if (pipe.IsInstalled)
        {
            row["addedToSchedPipe"] = Math.Round(added / pipe.Median, 2);
            row["addedToSchedPipeBest"] = Math.Round((relay.PingPong.BestP50 - direct.BestP50) / pipe.Best, 2);
        }

        relayed.Add((JsonNode)row);
    }

    JsonObject report = new()
    {
        ["rounds"] = rounds,
        ["callsPerRound"] = calls,
        ["messageBytes"] = size,
        ["directP50Us"] = Math.Round(direct.MedianOfP50, 1),
        ["directBestP50Us"] = Math.Round(direct.BestP50, 1),
        ["schedPipeUs"] = pipe.IsInstalled ? Math.Round(pipe.Median, 1) : null,
        ["schedPipeBestUs"] = pipe.IsInstalled ? Math.Round(pipe.Best, 1) : null,
        ["relayed"] = relayed,
    };
    Console.Out.WriteLine(report.ToJsonString(new JsonSerializerOptions { WriteIndented = true }));

    void Round(int count)
    {
        direct.Run(count);
        relays.ForEach(relay => relay.PingPong.Run(count));
    }
}
finally
{
    relays.ForEach(relay => relay.Dispose());
    Directory.Delete(folder, recursive: true);
}

return 0;

static int Number(string text) => int.Parse(text, System.Globalization.CultureInfo.InvariantCulture);
