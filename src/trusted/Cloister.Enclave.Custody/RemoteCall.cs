using Cloister.Contracts.Keys;
using Cloister.Enclave.Base;

namespace Cloister.Enclave.Custody;

/// <summary>One call of a remote KMS: bounded in time, its failures made into statuses. secrets: none kept.</summary>
public static class RemoteCall
{
    /// <summary>Runs it.</summary>
    /// <exception cref="FailureException">It failed, or took longer than <paramref name="timeout"/>.</exception>
    public static async ValueTask<T> RunAsync<T>(
        KeyFingerprint kek, TimeSpan timeout, Func<CancellationToken, ValueTask<T>> call, CancellationToken cancellation)
    {
        using CancellationTokenSource deadline = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        deadline.CancelAfter(timeout);
        try
        {
            return await call(deadline.Token);
        }
        catch (RemoteKmsException e)
        {
            throw e.ToRpc(kek);
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            throw new FailureException(FailureKind.Unavailable, $"the remote KMS did not answer within {timeout.TotalMilliseconds} ms; check that it runs and can be reached");
        }
    }

    /// <summary>A KEK that the KMS does not list is refused before any call. While nothing is known yet, the KMS itself decides.</summary>
    /// <exception cref="FailureException">It is not listed.</exception>
    public static void RequireKnown(RemoteKekWatch.View view, KeyFingerprint kek)
    {
        if (view.Kek is { } known && !known.Known.Contains(kek))
        {
            throw new RemoteKmsException(RemoteKmsFailure.UnknownKek, "").ToRpc(kek);
        }
    }
}
