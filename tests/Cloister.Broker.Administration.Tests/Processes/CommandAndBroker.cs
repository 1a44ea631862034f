using System.Diagnostics;
using System.Reflection;
using System.Runtime.InteropServices;
using System.Text.Json.Nodes;

namespace Cloister.Broker.Administration.Tests.Processes;

/// <summary>A <c>cloister-broker</c> process with two administrators, and <c>cloister</c> as each of them.</summary>
internal sealed partial class CommandAndBroker : IAsyncDisposable
{
    private static readonly TimeSpan Timeout = TimeSpan.FromSeconds(120);

    private readonly string _folder = Directory.CreateTempSubdirectory("cloister-admin-").FullName;
    private Process? _broker;

    internal string Pin { get; private set; } = "";

    internal string this[string name] => Path.Combine(_folder, name);

    internal static async Task<CommandAndBroker> StartAsync()
    {
        CommandAndBroker made = new();
        try
        {
            await made.ConfigureAsync();
            await made.StartBrokerAsync();
            return made;
        }
        catch
        {
            await made.DisposeAsync();
            throw;
        }
    }

    /// <summary>A broker with the authority of shares; what its restoration said comes first, and a second one is refused.</summary>
    internal static async Task<(CommandAndBroker Broker, string Said)> RestoreAsync(params string[] shares)
    {
        CommandAndBroker made = new();
        try
        {
            await made.ConfigureAsync("restoreUnknown: allowed");
            string[] arguments = ["--config", made["broker.yaml"], "--restore-authority", .. shares];
            (int exitCode, string said, string errors) = await RunProgramAsync(Program("Broker"), arguments);
            Assert.True(exitCode == 0, $"{exitCode}: {errors}");
            Assert.NotEqual(0, (await RunProgramAsync(Program("Broker"), arguments)).ExitCode);
            await made.StartBrokerAsync();
            return (made, said);
        }
        catch
        {
            await made.DisposeAsync();
            throw;
        }
    }

    /// <summary>Runs the command as an administrator of this broker.</summary>
    internal Task<(int ExitCode, string Output, string Errors)> AsAsync(string who, params string[] arguments) =>
        RunAsync([.. arguments, "--context", this[$"{who}.json"], "-o", "json"]);

    /// <summary>The same, where it has to be done; its answer.</summary>
    internal async Task<JsonNode> DoneAsync(string who, params string[] arguments)
    {
        (int exitCode, string output, string errors) = await AsAsync(who, arguments);
        Assert.True(exitCode == 0, $"{exitCode}: {errors}");
        return JsonNode.Parse(output)!;
    }

    internal static Task<(int ExitCode, string Output, string Errors)> RunAsync(params string[] arguments) => RunProgramAsync(Program("Cli"), arguments);

    private static async Task<(int ExitCode, string Output, string Errors)> RunProgramAsync(string program, params string[] arguments)
    {
        using Process process = Process.Start(
            new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true })!;
        Task<string> output = process.StandardOutput.ReadToEndAsync();
        Task<string> errors = process.StandardError.ReadToEndAsync();
        using CancellationTokenSource limit = new(Timeout);
        await process.WaitForExitAsync(limit.Token);
        return (process.ExitCode, await output, await errors);
    }

    public async ValueTask DisposeAsync()
    {
        if (_broker is { HasExited: false })
        {
            Assert.Equal(0, SendSignal(_broker.Id, 15));
            using CancellationTokenSource limit = new(Timeout);
            await _broker.WaitForExitAsync(limit.Token);
        }

        _broker?.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    private async Task ConfigureAsync(string more = "")
    {
        (string alice, string bob) = (await KeyAsync("alice"), await KeyAsync("bob"));
        Directory.CreateDirectory(this["collateral"]);
        await File.WriteAllTextAsync(this["broker.yaml"], $$"""
            apiVersion: cloister.dev/v1alpha1
            kind: BrokerConfiguration
            listen: 127.0.0.1:0
            database: sqlite:{{this["broker.db"]}}
            rootKey: { file: {{this["UNPROTECTED-root.key"]}} }
            stateDirectory: {{this["state"]}}
            collateral: { directory: {{this["collateral"]}} }
            otherRoots: allowed
            admin:
              listen: 127.0.0.1:0
              administrators:
                - { name: alice, key: "{{alice}}", roles: [auditor, operator, keyCustodian] }
                - { name: bob, key: "{{bob}}", roles: [keyCustodian] }
              twoPersons: [destroy, export]
              {{more}}
            """);
    }

    private async Task StartBrokerAsync()
    {
        _broker = Process.Start(new ProcessStartInfo(Program("Broker"), ["--config", this["broker.yaml"]]) { RedirectStandardOutput = true })!;
        using CancellationTokenSource limit = new(Timeout);
        string[] ready = (await _broker.StandardOutput.ReadLineAsync(limit.Token) ?? "").Split(' ');
        Assert.True(ready is ["ready", _, "pin", _, "admin", _], string.Join(' ', ready));
        Pin = ready[3];
        foreach (string who in (string[])["alice", "bob"])
        {
            await File.WriteAllTextAsync(this[$"{who}.json"], new JsonObject
            {
                ["broker"] = ready[5], ["pin"] = Pin, ["certificate"] = $"{who}.crt", ["key"] = $"{who}.key",
            }.ToJsonString());
        }
    }

    private async Task<string> KeyAsync(string who)
    {
        (int exitCode, string output, string errors) = await RunAsync("admin", "keygen", "--name", who, "--certificate", this[$"{who}.crt"], "--key", this[$"{who}.key"], "-o", "json");
        Assert.True(exitCode == 0, errors);
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(this[$"{who}.key"]));
        return (string)JsonNode.Parse(output)!["pin"]!;
    }

    private static string Program(string key) =>
        typeof(CommandAndBroker).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>().Single(one => one.Key == key).Value!;

    [LibraryImport("libc", EntryPoint = "kill", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int SendSignal(int processId, int signal);
}
