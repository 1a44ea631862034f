using System.Diagnostics;
using Cloister.Broker.State.Sql;
using Cloister.Broker.State.Tests;
using Dapper;

[assembly: AssemblyFixture(typeof(PostgresServer))]

namespace Cloister.Broker.State.Tests;

/// <summary>A PostgreSQL server of the tests' own, on a socket in a temporary directory. Started when first asked for, stopped at the end.</summary>
public sealed class PostgresServer : IAsyncDisposable
{
    /// <summary>The one user whom the server does not simply trust.</summary>
    internal const string UserWithPassword = "locked";

    private readonly string _directory = Directory.CreateTempSubdirectory("pg-").FullName;
    private readonly SemaphoreSlim _gate = new(1);
    private Process? _server;
    private int _databases;

    private static string? Binaries => Directory.Exists("/usr/lib/postgresql")
        ? Directory.GetDirectories("/usr/lib/postgresql").Select(version => Path.Combine(version, "bin")).FirstOrDefault(bin => File.Exists(Path.Combine(bin, "initdb")))
        : null;

    /// <summary>The address of a new, empty database. Skips the test if PostgreSQL is not installed.</summary>
    public async Task<string> CreateDatabaseAsync()
    {
        Assert.SkipWhen(Binaries is null, "PostgreSQL is not installed");
        await _gate.WaitAsync();
        try
        {
            if (_server is null)
                await StartAsync();
            string name = $"state{++_databases}";
            await using Dialect dialect = Dialect.For(DatabaseAddress.Parse(Address("postgres")));
            await using var connection = await dialect.ConnectAsync(CancellationToken.None);
            await connection.ExecuteAsync($"CREATE DATABASE {name}");
            return Address(name);
        }
        finally
        {
            _gate.Release();
        }
    }

    public async ValueTask DisposeAsync()
    {
        if (_server is not null)
        {
            // SIGINT: PostgreSQL's fast shutdown.
            await RunAsync(new ProcessStartInfo("/bin/kill", ["-INT", $"{_server.Id}"]));
            await _server.WaitForExitAsync();
            _server.Dispose();
        }
        _gate.Dispose();
        Directory.Delete(_directory, recursive: true);
    }

    private string Address(string database) => $"postgres:Host={_directory};Username=cloister;Database={database};Timeout=30";

    private async Task StartAsync()
    {
        if (Environment.IsPrivilegedProcess)
            await RunAsync(new ProcessStartInfo("/bin/chown", ["nobody", _directory]));
        File.SetUnixFileMode(_directory, (UnixFileMode)0b111_101_101);
        string data = Path.Combine(_directory, "data");
        await RunAsync(Unprivileged("initdb", "-D", data, "-U", "cloister", "--auth=trust", "--encoding=UTF8", "--no-locale", "--no-sync"));

        // One user is asked for a password; it is there when a test makes it.
        string rules = Path.Combine(data, "pg_hba.conf");
        await File.WriteAllTextAsync(rules, $"local all {UserWithPassword} scram-sha-256\n{await File.ReadAllTextAsync(rules)}");
        _server = Process.Start(Unprivileged(
            "postgres", "-D", data, "-k", _directory, "-c", "listen_addresses=", "-c", "fsync=off", "-c", "logging_collector=on", "-c", "log_directory=log"))!;
        await using Dialect dialect = Dialect.For(DatabaseAddress.Parse(Address("postgres")));
        while (true)
        {
            Assert.False(_server.HasExited, "PostgreSQL ended");
            try
            {
                await using var connection = await dialect.ConnectAsync(CancellationToken.None);
                return;
            }
            catch (System.Data.Common.DbException)
            {
                await Task.Delay(50);
            }
        }
    }

    // PostgreSQL refuses to run as root.
    private ProcessStartInfo Unprivileged(string program, params string[] arguments)
    {
        string path = Path.Combine(Binaries!, program);
        return Environment.IsPrivilegedProcess
            ? new ProcessStartInfo("setpriv", ["--reuid=nobody", "--regid=nogroup", "--clear-groups", path, .. arguments]) { WorkingDirectory = _directory }
            : new ProcessStartInfo(path, arguments) { WorkingDirectory = _directory };
    }

    private static async Task RunAsync(ProcessStartInfo start)
    {
        start.RedirectStandardOutput = true;
        using Process process = Process.Start(start)!;
        string output = await process.StandardOutput.ReadToEndAsync();
        await process.WaitForExitAsync();
        Assert.True(process.ExitCode == 0, $"{start.FileName} failed: {output}");
    }
}
