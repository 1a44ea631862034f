using Cloister.Enclave.Base;

namespace Cloister.Enclave.Gateway.Transport;

/// <summary>Finds the calls of a session that were begun and do not go on. secrets: none.</summary>
internal static class SlowCalls
{
    private const int RequestMilliseconds = 30_000;
    private const int ReaderMilliseconds = 60_000;

    /// <summary>Ends calls whose request does not arrive, and those whose answer is not read; watches last. What that makes is to be flushed.</summary>
    /// <returns>True when there was one.</returns>
    internal static bool End(ProxySession session, long now)
    {
        lock (session.Gate)
        {
            List<ProxyStream> slow = [.. session.Streams.Where(stream => !stream.IsWatch && IsSlow(stream, now))];
            foreach (ProxyStream stream in slow)
            {
                if (stream.Response.PendingLength == 0)
                {
                    // It may have arrived as far as etcd needs: no code that a client takes as a reason to repeat it.
                    session.Refuse(stream, FailureKind.TimedOut, $"the request did not arrive within {RequestMilliseconds / 1000} s");
                }
                else
                {
                    session.Break(stream);
                }
            }

            return slow.Count > 0;
        }
    }

    private static bool IsSlow(ProxyStream stream, long now)
    {
        StreamLeg response = stream.Response;
        if (response.PendingLength == 0 || response.Sent != response.Seen.Sent)
        {
            response.Seen = (response.Sent, now);
        }

        return !stream.Refused && (response.PendingLength > 0
            ? now - response.Seen.At > ReaderMilliseconds
            : !stream.Request.SourceEnded && !stream.ResponseBegun && now - stream.Opened > RequestMilliseconds);
    }
}
