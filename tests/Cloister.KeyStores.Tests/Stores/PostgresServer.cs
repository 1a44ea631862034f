using System.Diagnostics;
using Npgsql;

namespace Cloister.KeyStores.Tests.Stores;

/// <summary>A PostgreSQL server on a socket in a folder of its own, one for the whole test program. It refuses to run as root.</summary>
internal sealed class PostgresServer : IAsyncDisposable
{
    private static readonly SemaphoreSlim Gate = new(1, 1);
    private static PostgresServer? s_shared;

    private readonly string _folder;
    private readonly string _bin;
    private int _databases;

    private PostgresServer(string bin, string folder)
    {
        _bin = bin;
        _folder = folder;
    }

    /// <summary>The server, started by the first who asks. Skips the test when PostgreSQL is not installed.</summary>
    public static async Task<PostgresServer> SharedAsync()
    {
        await Gate.WaitAsync();
        try
        {
            if (s_shared is null)
            {
                s_shared = await OwnAsync();
            }

            return s_shared;
        }
        finally
        {
            Gate.Release();
        }
    }

    /// <summary>A server of the caller's own, which it may kill. Skips the test when PostgreSQL is not installed.</summary>
    public static async Task<PostgresServer> OwnAsync()
    {
        string? bin = Directory.Exists("/usr/lib/postgresql")
            ? Directory.GetDirectories("/usr/lib/postgresql").Select(d => Path.Combine(d, "bin")).FirstOrDefault(d => File.Exists(Path.Combine(d, "initdb")))
            : null;
        Assert.SkipWhen(bin is null, "PostgreSQL is not installed");
        PostgresServer server = new(bin!, Directory.CreateTempSubdirectory("cloister-postgres-").FullName);
        await server.StartAsync();
        return server;
    }

    /// <summary>SIGKILL; its workers see that it is gone and end.</summary>
    public async Task KillAsync()
    {
        using Process server = Process.GetProcessById(int.Parse(File.ReadLines($"{_folder}/data/postmaster.pid").First(), System.Globalization.CultureInfo.InvariantCulture));
        server.Kill();
        await server.WaitForExitAsync();
    }

    /// <summary>Starts it again on the same data.</summary>
    public async Task StartAgainAsync()
    {
        // As long as a worker of the killed server is about, the new one refuses to start.
        for (int tries = 1; await ControlAsync("start") != 0; tries++)
        {
            Assert.True(tries < 100, File.ReadAllText($"{_folder}/log"));
            await Task.Delay(200);
        }
    }

    public static async Task StopSharedAsync()
    {
        if (s_shared is not null)
        {
            await s_shared.DisposeAsync();
        }
    }

    public string NewDatabase()
    {
        string name = $"test{Interlocked.Increment(ref _databases)}";
        using NpgsqlConnection connection = new(ConnectionString("postgres"));
        connection.Open();
        using NpgsqlCommand command = new($"CREATE DATABASE {name}", connection);
        command.ExecuteNonQuery();
        return ConnectionString(name);
    }

    public async ValueTask DisposeAsync()
    {
        Assert.Equal(0, await RunAsync("pg_ctl", "-D", $"{_folder}/data", "-m", "immediate", "-w", "stop"));
        Directory.Delete(_folder, recursive: true);
    }

    private string ConnectionString(string database) => $"Host={_folder};Username=cloister;Database={database};Pooling=false";

    private async Task StartAsync()
    {
        if (Environment.IsPrivilegedProcess)
        {
            await RunAsync("/bin/chown", User, _folder);
        }

        await RunAsync("initdb", "-D", $"{_folder}/data", "-U", "cloister", "-A", "trust", "-N");
        Assert.Equal(0, await ControlAsync("start"));
    }

    private Task<int> ControlAsync(string act) =>
        RunAsync("pg_ctl", "-D", $"{_folder}/data", "-l", $"{_folder}/log", "-w", "-o", $"-c listen_addresses='' -c unix_socket_directories='{_folder}' -c fsync=off", act);

    private static string User => File.ReadLines("/etc/passwd").Any(l => l.StartsWith("postgres:", StringComparison.Ordinal)) ? "postgres" : "nobody";

    private async Task<int> RunAsync(string program, params string[] arguments)
    {
        bool isServer = !program.StartsWith('/');
        string path = isServer ? Path.Combine(_bin, program) : program;
        bool asUser = isServer && Environment.IsPrivilegedProcess;
        ProcessStartInfo start = new(asUser ? "setpriv" : path) { WorkingDirectory = _folder, RedirectStandardOutput = true, RedirectStandardError = true };
        string[] all = asUser ? [$"--reuid={User}", $"--regid={Group}", "--clear-groups", "--", path, .. arguments] : arguments;
        foreach (string argument in all)
        {
            start.ArgumentList.Add(argument);
        }

        using Process process = Process.Start(start)!;
        if (program == "pg_ctl")
        {
            // The server keeps these streams: their end does not come.
            await process.WaitForExitAsync();
            return process.ExitCode;
        }

        Task<string> output = process.StandardOutput.ReadToEndAsync();
        string error = await process.StandardError.ReadToEndAsync();
        await output;
        await process.WaitForExitAsync();
        Assert.True(process.ExitCode == 0, error);
        return process.ExitCode;
    }

    private static string Group => User == "postgres" ? "postgres" : "nogroup";
}
