namespace Cloister.Enclave.Wire.Grpc;

/// <summary>How far a call is. Goes down, never up; <see cref="ServerCall.MoveTo"/> has what may follow what. secrets: none.</summary>
internal enum CallState
{
    /// <summary>Its request is arriving, and may have to give way.</summary>
    Receiving,

    /// <summary>Its handler works, and its buffers belong to that.</summary>
    Running,

    /// <summary>Its handler works and nobody waits for the answer.</summary>
    Abandoned,

    /// <summary>Its answer is being sent.</summary>
    Answering,

    /// <summary>Its stream is over and its buffers are wiped.</summary>
    Over,
}
