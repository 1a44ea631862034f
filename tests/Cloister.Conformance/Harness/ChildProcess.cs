using System.Diagnostics;
using System.Runtime.InteropServices;

namespace Cloister.Conformance.Harness;

/// <summary>A process that a test started and stops again. What it prints goes to a file and can be waited for.</summary>
internal sealed partial class ChildProcess : IAsyncDisposable
{
    private const int SigTerm = 15;

    private readonly Process _process;
    private readonly StreamWriter _log;
    private readonly Lock _lock = new();
    private readonly List<string> _lines = [];
    private readonly List<(Predicate<string> Match, TaskCompletionSource<string> Found)> _waiters = [];

    private ChildProcess(string name, Process process, StreamWriter log)
    {
        Name = name;
        _process = process;
        _log = log;
    }

    public string Name { get; }

    public int Id => _process.Id;

    public bool HasExited => _process.HasExited;

    /// <summary>Once it has exited.</summary>
    public int ExitCode => _process.ExitCode;

    /// <summary>Starts a program; standard output and error go to <c>FOLDER/NAME.log</c>, which grows over restarts.</summary>
    public static ChildProcess Start(string name, string folder, string program, params IEnumerable<string> arguments)
    {
        ProcessStartInfo info = new(program, arguments)
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            RedirectStandardInput = true,
            WorkingDirectory = folder,
        };
        StreamWriter log = new(Path.Combine(folder, name + ".log"), append: true) { AutoFlush = true };
        ChildProcess child = new(name, new Process { StartInfo = info }, log);
        child._process.OutputDataReceived += (_, line) => child.Take(line.Data);
        child._process.ErrorDataReceived += (_, line) => child.Take(line.Data);
        child._process.Start();
        child._process.BeginOutputReadLine();
        child._process.BeginErrorReadLine();
        child._process.StandardInput.Close();
        return child;
    }

    /// <summary>Waits for a line that was or will be printed.</summary>
    public async Task<string> WaitForLineAsync(Predicate<string> match, TimeSpan limit, CancellationToken cancellation)
    {
        TaskCompletionSource<string> found = new(TaskCreationOptions.RunContinuationsAsynchronously);
        lock (_lock)
        {
            if (_lines.Find(match) is { } line)
            {
                return line;
            }

            _waiters.Add((match, found));
        }

        Task exited = _process.WaitForExitAsync(cancellation);
        Task first = await Task.WhenAny(found.Task, exited, Task.Delay(limit, cancellation));
        if (first == exited && !found.Task.IsCompleted)
        {
            await exited;
            throw new InvalidOperationException($"{Name} ended with status {_process.ExitCode}:\n{Tail()}");
        }

        cancellation.ThrowIfCancellationRequested();
        return found.Task.IsCompleted
            ? await found.Task
            : throw new TimeoutException($"{Name} did not print the expected line within {limit.TotalSeconds} s:\n{Tail()}");
    }

    /// <summary>The last lines printed, for error messages.</summary>
    public string Tail(int count = 15)
    {
        lock (_lock)
        {
            return string.Join('\n', _lines.TakeLast(count).Select(line => $"  {Name}: {line}"));
        }
    }

    public void Signal(int signal)
    {
        if (!_process.HasExited && Kill(_process.Id, signal) != 0)
        {
            throw new InvalidOperationException($"{Name}: kill({signal}): errno {Marshal.GetLastPInvokeError()}");
        }
    }

    /// <summary>SIGTERM; returns whether the process was gone within the limit, and kills it and its children otherwise.</summary>
    public async Task<bool> TerminateAsync(TimeSpan limit)
    {
        Signal(SigTerm);
        using CancellationTokenSource timer = new(limit);
        try
        {
            await _process.WaitForExitAsync(timer.Token);
            return true;
        }
        catch (OperationCanceledException)
        {
            await KillAsync();
            return false;
        }
    }

    /// <summary>SIGKILL, to the process and its children.</summary>
    public async Task KillAsync()
    {
        if (!_process.HasExited)
        {
            _process.Kill(entireProcessTree: true);
            await _process.WaitForExitAsync();
        }
    }

    public async ValueTask DisposeAsync()
    {
        await TerminateAsync(TimeSpan.FromSeconds(10));
        _process.Dispose();
        lock (_lock)
        {
            _log.Dispose();
        }
    }

    private void Take(string? line)
    {
        if (line is null)
        {
            return;
        }

        lock (_lock)
        {
            if (_log.BaseStream is not null)
            {
                _log.WriteLine(line);
            }

            _lines.Add(line);
            foreach ((Predicate<string> match, TaskCompletionSource<string> found) in _waiters)
            {
                if (match(line))
                {
                    found.TrySetResult(line);
                }
            }
        }
    }

    [LibraryImport("libc", EntryPoint = "kill", SetLastError = true)]
    private static partial int Kill(int pid, int signal);
}
