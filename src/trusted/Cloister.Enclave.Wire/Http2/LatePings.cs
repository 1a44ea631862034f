namespace Cloister.Enclave.Wire.Http2;

/// <summary>
/// Answers PINGs with whatever is sent next, and where nothing is, in a moment: see <see cref="Link.AnswerLater"/>. The session's gate guards it.
/// secrets: none.
/// </summary>
internal sealed class LatePings : IDisposable
{
    // grpc-go gives its connections up after a second at the earliest.
    private const int Milliseconds = 100;

    private readonly IFrameSession _session;
    private readonly Link[] _links;
    private readonly Timer _timer;
    private bool _waits;

    internal LatePings(IFrameSession session, params Link[] links)
    {
        _session = session;
        _links = links;
        _timer = new Timer(_ => AnswerAll());
    }

    public void Dispose() => _timer.Dispose();

    /// <summary>Answers one. Within the gate.</summary>
    internal void Answer(Link link, ReadOnlySpan<byte> payload)
    {
        if (link.AnswerLater(payload) && !_waits)
        {
            _waits = true;
            _timer.Change(Milliseconds, Timeout.Infinite);
        }
    }

    private void AnswerAll()
    {
        try
        {
            lock (_session.Gate)
            {
                _waits = false;
                foreach (Link link in _links)
                {
                    link.AnswerPings();
                }
            }

            _session.Flush();
        }
        catch (Exception)
        {
            // Nothing may leave a timer. The threads that read do the same and notice it too.
        }
    }
}
