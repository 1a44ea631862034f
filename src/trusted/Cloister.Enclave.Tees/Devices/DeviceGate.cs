using System.Diagnostics.CodeAnalysis;

namespace Cloister.Enclave.Tees.Devices;

/// <summary>
/// Lets one operation at a time on a device, and waits for it only so long: a call of the kernel that hangs cannot be taken back, so it keeps
/// its thread, one at the most, and those who come later are told at once. Time here is the host's and only patience. Thread-safe. secrets: none.
/// </summary>
[SuppressMessage("Design", "CA1001", Justification = "Lives as long as the process; a hanging thread may still release the semaphore.")]
internal sealed class DeviceGate
{
    /// <summary>How long a host may take for a quote; quoting services answer within seconds.</summary>
    internal static readonly TimeSpan Timeout = TimeSpan.FromSeconds(60);

    private const int Attempts = 8;

    private readonly SemaphoreSlim _turn = new(1, 1);
    private readonly string _device;
    private readonly Action<Thread> _start;
    private readonly TimeSpan _patience;
    private readonly TimeSpan _pause;
    private volatile bool _hangs;

    /// <summary>Makes a gate.</summary>
    /// <param name="device">What is behind it, for messages.</param>
    /// <param name="patience">Longest wait for an operation.</param>
    /// <param name="pause">First wait before a busy device is asked again; later ones are longer.</param>
    /// <param name="start">Starts a thread; for tests.</param>
    internal DeviceGate(string device, TimeSpan? patience = null, TimeSpan? pause = null, Action<Thread>? start = null)
    {
        _start = start ?? (thread => thread.Start());
        _device = device;
        _patience = patience ?? Timeout;
        _pause = pause ?? TimeSpan.FromMilliseconds(50);
    }

    /// <summary>Runs an operation, again while the device is busy.</summary>
    /// <exception cref="TeeException">It failed, or did not end in time.</exception>
    /// <exception cref="DeviceException">The kernel refused for a reason that does not pass.</exception>
    internal async Task<T> RunAsync<T>(Func<T> operation, CancellationToken cancellation)
    {
        if (_hangs)
        {
            throw Hangs();
        }

        if (!await _turn.WaitAsync(_patience, cancellation))
        {
            throw Hangs();
        }

        TaskCompletionSource<T> done = new(TaskCreationOptions.RunContinuationsAsynchronously);
        Thread thread = new(() =>
        {
            try
            {
                done.SetResult(Retry(operation));
            }
            catch (Exception e)
            {
                done.SetException(e);
            }
            finally
            {
                _hangs = false;
                _turn.Release();
            }
        })
        {
            IsBackground = true,
            Name = "tee-device",
        };
        try
        {
            _start(thread);
        }
        catch (Exception e) when (e is ThreadStartException or OutOfMemoryException)
        {
            // Nobody else would: it never ran.
            _turn.Release();
            throw new TeeException($"{_device} was not asked, no thread can be started: raise the limit on processes (pids.max, RLIMIT_NPROC) or memory", isPassing: true);
        }

        try
        {
            return await done.Task.WaitAsync(_patience, cancellation);
        }
        catch (TimeoutException) when (!done.Task.IsCompleted)
        {
            _hangs = _turn.CurrentCount == 0;
            throw Hangs();
        }
    }

    /// <summary>The same for callers that are not asynchronous.</summary>
    /// <exception cref="TeeException">It failed, or did not end in time.</exception>
    /// <exception cref="DeviceException">The kernel refused for a reason that does not pass.</exception>
    internal T Run<T>(Func<T> operation) => RunAsync(operation, CancellationToken.None).GetAwaiter().GetResult();

    private T Retry<T>(Func<T> operation)
    {
        for (int attempt = 1; ; attempt++)
        {
            try
            {
                return operation();
            }
            catch (DeviceException e) when (e.IsPassing)
            {
                if (attempt == Attempts)
                {
                    throw new TeeException($"{_device} is busy ({e.Message}): find what else in this machine asks for evidence without a pause, or ask the host's operator", isPassing: true);
                }
            }
            catch (TeeException e) when (e.IsPassing && attempt < Attempts)
            {
                // Somebody else was in between: again.
            }

            Thread.Sleep(_pause * attempt);
        }
    }

    private TeeException Hangs() =>
        new($"{_device} has not answered within {_patience.TotalSeconds:0.#} s: the host's quoting service or hypervisor hangs, ask its operator to restart it", isPassing: true);
}
