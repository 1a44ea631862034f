namespace Cloister.Conformance.Plugins;

/// <summary>A KMS plugin as a process. It keeps its keys over stops and starts.</summary>
internal interface IPluginUnderTest : IAsyncDisposable
{
    /// <summary>The provider name that the EncryptionConfiguration gives it.</summary>
    string ProviderName { get; }

    /// <summary>Where an API server connects.</summary>
    string Socket { get; }

    /// <summary>Where a relay in front of it connects, as <c>--target</c> has it.</summary>
    string RelayTarget { get; }

    /// <summary>The key that this relay shows, or null for none.</summary>
    string? RelayKey => null;

    /// <summary>The EncryptionConfiguration for KMS v2 that goes with it; known once it was started.</summary>
    string EncryptionConfiguration { get; }

    /// <summary>Starts it and waits until the socket answers.</summary>
    Task StartAsync(CancellationToken cancellation);

    /// <summary>Stops it with SIGTERM; fails when it takes longer than 5 seconds.</summary>
    Task StopAsync();

    /// <summary>Ends it with SIGKILL, so that it cannot clean up.</summary>
    Task KillAsync();

    /// <summary>Makes a new KEK the one that writes use. Older ones still open what they closed.</summary>
    Task RotateAsync(CancellationToken cancellation);

    /// <summary>Makes Status fail from now on, with the process still up.</summary>
    Task FailStatusAsync(CancellationToken cancellation);
}
