using System.Diagnostics;
using System.Text;

namespace Cloister.Cli.Enclaves;

/// <summary>
/// A program of ours as a child process: its log on standard error, stopped with its parent, however that one ends, because it ends when
/// its standard input does.
/// </summary>
internal sealed class ChildProgram : IAsyncDisposable
{
    private const int MaxSaid = 16_384;

    private static readonly TimeSpan StopTime = TimeSpan.FromSeconds(4);

    private readonly Process _process;
    private readonly StringBuilder _said = new();
    private readonly bool _showLog;

    private ChildProgram(Process process, bool showLog)
    {
        _process = process;
        _showLog = showLog;
    }

    /// <summary>Its process.</summary>
    internal int ProcessId => _process.Id;

    /// <summary>Whether it ended.</summary>
    internal bool HasExited => _process.HasExited;

    /// <summary>Ends when the process does.</summary>
    internal Task Ended => _process.WaitForExitAsync();

    /// <summary>The beginning of its log.</summary>
    internal string Said
    {
        get
        {
            lock (_said)
            {
                return _said.ToString();
            }
        }
    }

    /// <summary>Starts a program.</summary>
    /// <param name="program">Its name.</param>
    /// <param name="arguments">Its arguments.</param>
    /// <param name="showLog">Whether its log goes to standard error.</param>
    /// <param name="environment">Environment variables besides this process's.</param>
    /// <exception cref="CliException">It is not there, or cannot be started.</exception>
    internal static ChildProgram Start(string program, IEnumerable<string> arguments, bool showLog, IReadOnlyDictionary<string, string>? environment = null)
    {
        ProcessStartInfo start = new(Locate(program), arguments)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            UseShellExecute = false,
        };
        foreach ((string name, string value) in environment ?? new Dictionary<string, string>())
        {
            start.Environment[name] = value;
        }

        Process process = Process.Start(start) ?? throw new CliException($"{program} cannot be started");
        ChildProgram child = new(process, showLog);
        process.ErrorDataReceived += (_, line) => child.Hear(line.Data);
        process.BeginErrorReadLine();
        return child;
    }

    /// <summary>The next line on its standard output; null when it ended.</summary>
    internal async Task<string?> ReadLineAsync(CancellationToken cancellation) => await _process.StandardOutput.ReadLineAsync(cancellation);

    /// <summary>Waits for its end.</summary>
    /// <returns>Its exit code.</returns>
    internal async Task<int> ExitAsync(CancellationToken cancellation)
    {
        await _process.WaitForExitAsync(cancellation);
        return _process.ExitCode;
    }

    /// <summary>Stops it in order; after four seconds, without.</summary>
    internal async Task StopAsync()
    {
        if (_process.HasExited)
        {
            return;
        }

        _process.StandardInput.Close();
        using CancellationTokenSource patience = new(StopTime);
        try
        {
            await _process.WaitForExitAsync(patience.Token);
        }
        catch (OperationCanceledException)
        {
            _process.Kill();
            await _process.WaitForExitAsync(CancellationToken.None);
        }
    }

    /// <summary>Stops it as <see cref="StopAsync"/> does.</summary>
    public async ValueTask DisposeAsync()
    {
        await StopAsync();
        _process.Dispose();
    }

    /// <summary>Where a program is: beside this program, in a folder beside this one, in PATH, or where its variable says, such as CLOISTER_ENCLAVE_SIM.</summary>
    /// <exception cref="CliException">It is nowhere there.</exception>
    internal static string Locate(string program) => Find(program)
        ?? throw new CliException($"{program} is neither beside this program nor in PATH: run ./cloister from a checkout, or name it with {Variable(program)}");

    /// <summary>As <see cref="Locate"/>; null when it is nowhere there.</summary>
    internal static string? Find(string program)
    {
        string here = AppContext.BaseDirectory;
        string?[] candidates =
        [
            Environment.GetEnvironmentVariable(Variable(program)),
            Path.Combine(here, program),
            Path.Combine(here, "..", program, program),
            .. (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':', StringSplitOptions.RemoveEmptyEntries).Select(folder => Path.Combine(folder, program)),
        ];
        return candidates.FirstOrDefault(File.Exists);
    }

    private static string Variable(string program) => program.ToUpperInvariant().Replace('-', '_');

    private void Hear(string? line)
    {
        if (line is null)
        {
            return;
        }

        lock (_said)
        {
            if (_said.Length < MaxSaid)
            {
                _said.AppendLine(line);
            }
        }

        if (_showLog)
        {
            Console.Error.WriteLine(line);
        }
    }
}
