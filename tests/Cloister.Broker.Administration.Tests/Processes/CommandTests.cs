using System.Text.Json.Nodes;
using Cloister.Broker.Tests;

namespace Cloister.Broker.Administration.Tests.Processes;

/// <summary>The command against the real program, from the first policy to the audit log.</summary>
public sealed class CommandTests
{
    [Fact]
    public async Task A_broker_is_administered_from_the_command_line()
    {
        await using CommandAndBroker it = await CommandAndBroker.StartAsync();
        using SimulatedEnclave enclave = new(TimeProvider.System);
        await File.WriteAllTextAsync(it["policy.yaml"], enclave.Policy(), TestContext.Current.CancellationToken);
        await File.WriteAllTextAsync(it["wrong.yaml"], "kind: ReleasePolicy\n", TestContext.Current.CancellationToken);

        Assert.Equal("alice", (string)(await it.DoneAsync("alice", "admin", "whoami"))["name"]!);
        Assert.True((bool)(await it.DoneAsync("alice", "policy", "validate", "--file", it["policy.yaml"]))["valid"]!);
        Assert.Equal(2, (await it.AsAsync("alice", "policy", "validate", "--file", it["wrong.yaml"])).ExitCode);
        await it.DoneAsync("alice", "policy", "set", "--name", "production", "--file", it["policy.yaml"]);
        Assert.Equal(0, (int)(await it.DoneAsync("alice", "policy", "dry-run", "--file", it["policy.yaml"]))["refused"]!);

        string[] create = ["kek", "create", "--name", "payments", "--cluster", "c1", "--policy", "production"];
        (int exitCode, string output, string errors) refused = await it.AsAsync("bob", create);
        Assert.Equal((2, ""), (refused.exitCode, refused.output));
        Assert.Contains("Operator", refused.errors, StringComparison.Ordinal);
        await it.DoneAsync("alice", create);
        JsonNode rotated = await it.DoneAsync("alice", "kek", "rotate", "--name", "payments", "--active-in", "0s");
        Assert.True((bool)rotated["versions"]![1]!["active"]!);

        await it.DoneAsync("alice", "enclaves", "revoke", "--kind", "platform", "--value", "00ff", "--reason", "stolen");
        Assert.Equal("00ff", (string)(await it.DoneAsync("bob", "enclaves", "revocations"))["revocations"]![0]!["value"]!);
        Assert.True((bool)(await it.DoneAsync("alice", "enclaves", "lift", "--kind", "platform", "--value", "00ff"))["changed"]!);

        await ExportAndDrillAsync(it);
        await DestroyAsync(it);
        await AuditAsync(it);
    }

    [Fact]
    public async Task Shares_of_another_authority_are_refused_and_nothing_is_taken_in()
    {
        await using CommandAndBroker lost = await CommandAndBroker.StartAsync();
        await using CommandAndBroker fresh = await CommandAndBroker.StartAsync();
        using SimulatedEnclave enclave = new(TimeProvider.System);
        foreach (CommandAndBroker it in (CommandAndBroker[])[lost, fresh])
        {
            await File.WriteAllTextAsync(it["policy.yaml"], enclave.Policy(), TestContext.Current.CancellationToken);
            await it.DoneAsync("alice", "policy", "set", "--name", "production", "--file", it["policy.yaml"]);
        }

        await lost.DoneAsync("alice", "kek", "create", "--name", "payments", "--cluster", "c1", "--policy", "production");
        string[] shares = await ExportAsync(lost, 1);
        (int exitCode, _, string errors) = await fresh.AsAsync("bob", ["kek", "restore", "--cluster", "c1", "--policy", "production", "--share", shares[0], "--share", shares[1]]);
        Assert.Equal(2, exitCode);
        Assert.Contains("authority", errors, StringComparison.Ordinal);
        Assert.Empty((await fresh.DoneAsync("bob", "kek", "list"))["keks"]!.AsArray());

        // To the broker that made them they bring nothing new.
        Assert.Equal("payments", (string)(await lost.DoneAsync("bob", ["kek", "restore", "--cluster", "c1", "--policy", "production", "--share", shares[0], "--share", shares[2]]))["name"]!);
    }

    [Fact]
    public async Task A_lost_broker_is_restored_from_shares_with_its_authority_and_its_key_ids()
    {
        DirectoryInfo keepers = Directory.CreateTempSubdirectory("cloister-keepers-");
        try
        {
            using SimulatedEnclave enclave = new(TimeProvider.System);
            string pin;
            string? keyId;
            string[] authority;
            string[] kek;
            await using (CommandAndBroker lost = await CommandAndBroker.StartAsync())
            {
                pin = lost.Pin;
                await AllowAsync(lost, enclave);
                JsonNode created = await lost.DoneAsync("alice", "kek", "create", "--name", "payments", "--cluster", "c1", "--policy", "production");
                keyId = (string?)created["versions"]![0]!["keyId"];
                kek = Keep(keepers, await ExportAsync(lost, 1));
                authority = Keep(keepers, await SplitAsync(lost, "authority", "admin", "export-authority"));
                JsonNode drill = await lost.DoneAsync("bob", "kek", "drill", "--share", authority[0], "--share", authority[2]);
                Assert.True((bool)drill["restored"]! && (bool)drill["matches"]! && ((string)drill["authority"]!).Length == 32);
            }

            // Folder, database and root key are gone.
            (CommandAndBroker broker, string said) = await CommandAndBroker.RestoreAsync(authority[1], authority[2]);
            await using (broker)
            {
                Assert.StartsWith("restored authority ", said, StringComparison.Ordinal);
                Assert.Equal(pin, broker.Pin);
                await AllowAsync(broker, enclave);
                JsonNode restored = await broker.DoneAsync("bob", "kek", "restore", "--cluster", "c1", "--policy", "production", "--share", kek[0], "--share", kek[2]);
                Assert.NotNull(keyId);
                Assert.Equal(keyId, (string?)restored["versions"]![0]!["keyId"]);
            }
        }
        finally
        {
            keepers.Delete(recursive: true);
        }
    }

    private static async Task AllowAsync(CommandAndBroker it, SimulatedEnclave enclave)
    {
        await File.WriteAllTextAsync(it["policy.yaml"], enclave.Policy(), TestContext.Current.CancellationToken);
        await it.DoneAsync("alice", "policy", "set", "--name", "production", "--file", it["policy.yaml"]);
    }

    private static string[] Keep(DirectoryInfo keepers, string[] files)
    {
        string[] kept = [.. files.Select(file => Path.Combine(keepers.FullName, Path.GetFileName(file)))];
        for (int i = 0; i < files.Length; i++)
        {
            File.Move(files[i], kept[i]);
        }

        return kept;
    }

    private static async Task ExportAndDrillAsync(CommandAndBroker it)
    {
        string[] shares = await ExportAsync(it, 2);
        Assert.All(shares, file => Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(file)));
        JsonNode drill = await it.DoneAsync("bob", "kek", "drill", "--share", shares[2], "--share", shares[1]);
        Assert.True((bool)drill["restored"]! && (bool)drill["matches"]!);
        Assert.Equal(2, (await it.AsAsync("bob", "kek", "drill", "--share", shares[0])).ExitCode);
    }

    private static Task<string[]> ExportAsync(CommandAndBroker it, int version) => SplitAsync(it, "shares", "kek", "export", "--name", "payments", "--version", $"{version}");

    // Exported by two, and opened by their keepers.
    private static async Task<string[]> SplitAsync(CommandAndBroker it, string folder, params string[] verb)
    {
        string[] names = ["one", "two", "three"];
        Dictionary<string, string> keys = [];
        foreach (string name in names)
        {
            (int made, string key, string problem) = await CommandAndBroker.RunAsync(
                "kek", "keeper-key", "--key", it[$"{folder}-{name}.key"], "--public", it[$"{folder}-{name}.pub"], "-o", "json");
            Assert.True(made == 0, problem);
            keys.Add((string)JsonNode.Parse(key)!["pin"]!, it[$"{folder}-{name}.key"]);
        }

        string[] export = [.. verb, "--threshold", "2", .. names.SelectMany(name => (string[])["--keeper", it[$"{folder}-{name}.pub"]]), "--directory", it[folder]];
        (int exitCode, string output, _) = await it.AsAsync("alice", export);
        Assert.Equal(2, exitCode);
        Assert.False(Directory.Exists(it[folder]));
        string request = (string)JsonNode.Parse(output)!["id"]!;
        Assert.Equal(2, (await it.AsAsync("alice", [.. export, "--approve", request])).ExitCode);
        JsonNode exported = await it.DoneAsync("bob", [.. export, "--approve", request]);
        Assert.DoesNotContain("cloister-share", exported.ToJsonString(), StringComparison.Ordinal);
        string[] files = [.. exported["files"]!.AsArray().Select(file => (string)file!)];
        string[] pins = [.. exported["keepers"]!.AsArray().Select(pin => (string)pin!)];
        Assert.Equal(2, (await OpenAsync(files[0], keys[pins[1]], it[$"{folder}-nothing"])).ExitCode);
        Assert.False(File.Exists(it[$"{folder}-nothing"]));
        List<string> opened = [];
        for (int i = 0; i < files.Length; i++)
        {
            Assert.DoesNotContain("cloister-share", await File.ReadAllTextAsync(files[i], TestContext.Current.CancellationToken), StringComparison.Ordinal);
            opened.Add(Path.ChangeExtension(files[i], ".txt"));
            (int good, string said, string errors) = await OpenAsync(files[i], keys[pins[i]], opened[i]);
            Assert.True(good == 0, errors);
            Assert.Equal(i + 1, (int)JsonNode.Parse(said)!["share"]!);
        }

        return [.. opened];

        static Task<(int ExitCode, string Output, string Errors)> OpenAsync(string share, string key, string to) =>
            CommandAndBroker.RunAsync("kek", "open-share", "--share", share, "--key", key, "--out", to, "-o", "json");
    }

    private static async Task DestroyAsync(CommandAndBroker it)
    {
        string[] destroy = ["kek", "destroy", "--name", "payments", "--version", "1", "--delay", "48h", "--without-scan", "payments/1", "--yes-destroy", "payments"];
        Assert.Equal(1, (await it.AsAsync("alice", [.. destroy[..^1], "payment"])).ExitCode);
        Assert.Equal(1, (await it.AsAsync("bob", [.. destroy[..^4], .. destroy[^2..]])).ExitCode);
        Assert.Equal(1, (await it.AsAsync("bob", [.. destroy[..^3], "payments/2", .. destroy[^2..]])).ExitCode);
        (int exitCode, string output, _) = await it.AsAsync("bob", destroy);
        Assert.Equal(2, exitCode);
        string request = (string)JsonNode.Parse(output)!["id"]!;
        Assert.Equal(request, (string)(await it.DoneAsync("alice", "admin", "requests"))["requests"]![0]!["id"]!);
        JsonNode ordered = await it.DoneAsync("alice", [.. destroy, "--approve", request]);
        Assert.Equal("destroyScheduled", (string)ordered["versions"]![0]!["state"]!);
        JsonNode taken = await it.DoneAsync("bob", "kek", "cancel-destroy", "--name", "payments", "--version", "1");
        Assert.Equal("disabled", (string)taken["versions"]![0]!["state"]!);
    }

    private static async Task AuditAsync(CommandAndBroker it)
    {
        (int exitCode, string output, string errors) = await it.AsAsync("alice", "audit", "export");
        Assert.True(exitCode == 0, errors);
        await File.WriteAllTextAsync(it["audit.jsonl"], output, TestContext.Current.CancellationToken);
        (int good, string verdict, _) = await CommandAndBroker.RunAsync("audit", "verify", it["audit.jsonl"], "--pin", it.Pin, "-o", "json");
        Assert.True(good == 0 && (bool)JsonNode.Parse(verdict)!["good"]!, verdict);

        string[] lines = output.Split('\n', StringSplitOptions.RemoveEmptyEntries);

        // Checkpoints, which may stand between, can be left out: what they vouch for is then only less.
        int[] entries = [.. Enumerable.Range(0, lines.Length).Where(line => lines[line].StartsWith("{\"entry\"", StringComparison.Ordinal))];
        int named = entries.First(line => lines[line].Contains("alice", StringComparison.Ordinal));
        string[][] tampered =
        [
            [.. lines.Where((_, line) => line != entries[1])],
            [.. lines.Select((text, line) => line == entries[1] ? lines[entries[2]] : line == entries[2] ? lines[entries[1]] : text)],
            [.. lines.Select((text, line) => line == named ? text.Replace("alice", "mallory", StringComparison.Ordinal) : text)],
            lines[1..],
        ];
        foreach (string[] changed in tampered)
        {
            await File.WriteAllLinesAsync(it["changed.jsonl"], changed, TestContext.Current.CancellationToken);
            Assert.Equal(2, (await CommandAndBroker.RunAsync("audit", "verify", it["changed.jsonl"], "--pin", it.Pin)).ExitCode);
        }
    }
}
