namespace Cloister.Administration.Client;

/// <summary>The broker's answer is no. The message is the broker's, for the administrator.</summary>
/// <param name="error">One of <see cref="AdminApi.AdminErrors"/>.</param>
/// <param name="detail">What is wrong and what to do.</param>
public sealed class AdministrationRefusedException(string error, string detail) : Exception(detail)
{
    /// <summary>One of <see cref="AdminApi.AdminErrors"/>.</summary>
    public string Error { get; } = error;
}
