namespace Cloister.Certificates;

/// <summary>Where .NET looks for certificate stores of the user. secrets: none.</summary>
public static class CertificateStores
{
    /// <summary>Gives this process a home directory where it has none, in a container or a unit: without any, .NET's TLS fails.</summary>
    public static void NeedNoHome()
    {
        if (string.IsNullOrEmpty(Environment.GetEnvironmentVariable("HOME")))
        {
            Environment.SetEnvironmentVariable("HOME", "/nonexistent");
        }
    }
}
