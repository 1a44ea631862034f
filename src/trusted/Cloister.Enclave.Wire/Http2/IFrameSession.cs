namespace Cloister.Enclave.Wire.Http2;

/// <summary>What several threads share of one connection, or of a pair. secrets: none.</summary>
internal interface IFrameSession
{
    /// <summary>Held by whoever changes anything of the session.</summary>
    Lock Gate { get; }

    /// <summary>More frames wait for a peer than should.</summary>
    bool IsCongested { get; }

    /// <summary>Sends what waits. Outside the gate.</summary>
    /// <exception cref="IOException">A peer is gone, or takes nothing.</exception>
    void Flush();
}
