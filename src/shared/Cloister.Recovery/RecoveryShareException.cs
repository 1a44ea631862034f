namespace Cloister.Recovery;

/// <summary>Shares that do not restore a KEK. The message is for those who hold them and has no share in it.</summary>
public sealed class RecoveryShareException : Exception
{
    /// <summary>Makes the failure.</summary>
    public RecoveryShareException(string message)
        : base(message)
    {
    }
}
